"""What a catalogue entry must say before it loads; anything missing, unknown or of another type is refused."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

TOTAL: Final = "total"
"""Dimension, and part of it, of a figure about all together."""
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]

PartnerType = Literal[
    "energy",
    "rent",
    "mortgage",
    "cak_health_insurance",
    "health_insurance",
    "water",
    "student_finance",
    "other",
    "tax_authority",
    "cak_contribution",
    "benefits_agency",
]

Theme = Literal[
    "payment_arrears",
    "debt_counselling",
    "income_support",
    "energy",
    "housing",
    "household_help",
    "guidance",
    "youth_support",
    "child_poverty",
    "work",
    "other",
]
"""What a story is about, as in the schema of `story`: by it figures and stories find each other."""


class Entry(BaseModel):
    """Strict and frozen: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Text(Entry):
    """The same sentence or sentences in Dutch and in English."""

    nl: Sentence
    en: Sentence


class Title(Entry):
    """A name as it stands above a figure."""

    nl: Label
    en: Label


class Count(Entry):
    """A numerator, or a denominator that is counted from events.

    `sql` is one Trino SELECT over `periods` and the views, giving `period, unit, district` per event; open data have
    none, since a connector reads them ready-made.
    """

    text: Text
    sql: str | None = None


class Base(Count):
    """A denominator: counted from events (`sql`) or a public population (`trait` of population_reference).

    Districts have no public number of households; their `district_trait` is the nearest that is published.
    """

    trait: Name | None = None
    district_trait: Literal["dwellings"] | None = None


class Part(Entry):
    """One part of a dimension: its code in the events, and its name.

    `compared` says whether municipalities mean the same by it; where they do not, the figure stands beside no peer's.
    """

    code: Name
    title: Title
    compared: bool = True


class Dimension(Entry):
    """What an indicator is split by: a column that its numerator's SQL gives beside the others.

    Events of a part that is not listed count in the total only. A unit may be in several parts, and in the total once.
    """

    name: Name
    title: Title
    parts: Annotated[tuple[Part, ...], Field(min_length=2)]


class SeriesBreak(Entry):
    """From this period on the figures no longer compare with those before it."""

    period: Annotated[str, StringConstraints(pattern=r"^\d{4}(-(0[1-9]|1[0-2]|Q[1-4]))?$")]
    reason: Text


class Indicator(Entry):
    """One indicator: what is counted, how it is released, and what must be said beside the figure.

    The value is numerator ÷ denominator × `factor`, in `unit`. `partner_types` are those whose deliveries the figure
    rests on, for its coverage; none where it counts the municipality's own cases. `themes` are those of the
    stories that belong beside it, the nearest first.
    """

    id: Name
    title: Title
    definition: Text
    set: Name
    themes: Annotated[tuple[Theme, ...], Field(min_length=1)]
    source: Literal["events", "open_data"]
    kind: Literal["proportion", "rate"]
    unit: Title
    factor: Literal[100, 1000]
    unit_kind: Literal["household", "person", "record"]
    polarity: Literal["higher", "lower", "ambiguous"]
    release_period: Literal["month", "quarter", "year"]
    release_level: Literal["municipality", "district", "region"]
    partner_types: tuple[PartnerType, ...]
    numerator: Count
    denominator: Base
    dimension: Dimension | None = None
    proxy_for: Text
    does_not_say: Annotated[tuple[Text, ...], Field(min_length=1)]
    perverse_incentives: Annotated[tuple[Text, ...], Field(min_length=1)]
    misses: Annotated[tuple[Text, ...], Field(min_length=1)]
    definition_version: Annotated[int, Field(ge=1)]
    series_breaks: tuple[SeriesBreak, ...]

    @model_validator(mode="after")
    def _counts_fit_the_source(self) -> Self:
        below = self.denominator
        if self.source == "open_data" and (self.numerator.sql, below.sql, below.trait) != (None, None, None):
            raise ValueError("open data have no sql and no trait: a connector reads their counts")
        if self.source == "events" and (self.numerator.sql is None or (below.sql is None) == (below.trait is None)):
            raise ValueError("events need numerator.sql, and either denominator.sql or denominator.trait")
        if self.source == "events" and self.kind == "rate" and below.trait is None:
            raise ValueError("a rate counts events of a public population: give denominator.trait")
        return self

    @model_validator(mode="after")
    def _themes_differ(self) -> Self:
        if len(set(self.themes)) < len(self.themes):
            raise ValueError("themes: each once")
        return self

    @model_validator(mode="after")
    def _level_fits_the_counts(self) -> Self:
        by_district = self.release_level == "district"
        if by_district and self.denominator.trait and not self.denominator.district_trait:
            raise ValueError("release_level district needs denominator.district_trait")
        if not by_district and self.denominator.district_trait:
            raise ValueError("denominator.district_trait is only for release_level district")
        if self.release_level == "region" and self.denominator.trait is None:
            raise ValueError("release_level region needs denominator.trait: masked sums carry numerators only")
        return self

    @model_validator(mode="after")
    def _parts_have_the_base_of_the_whole(self) -> Self:
        if self.dimension is None:
            return self
        if self.source != "events" or self.denominator.trait is None or self.release_level != "municipality":
            raise ValueError("a dimension needs events, denominator.trait and release_level municipality")
        codes = [part.code for part in self.dimension.parts]
        if len(set(codes)) < len(codes) or TOTAL in (self.dimension.name, *codes):
            raise ValueError(f"codes of a dimension differ, and none is {TOTAL}")
        return self


Catalogue = Mapping[str, Indicator]
