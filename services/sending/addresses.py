"""Where an address lies: municipality and district by full postcode and house number, never by less."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl

from services.errors import Fatal
from services.sending.routing import refuse

SCHEMA: Final = {
    "postcode": pl.String,
    "house_number_from": pl.Int64,
    "house_number_to": pl.Int64,
    "municipality": pl.String,
    "district": pl.String,
}
ADDRESS, RANGE = "postcode, house number", "first postcode, last postcode"
REMEDIES: Final = {
    "address_unknown": (
        ADDRESS,
        "Correct the postcode or the house number; a new address needs a newer address reference.",
    ),
    "address_ambiguous": (
        ADDRESS,
        "The address reference gives two answers: use a newer one, or ask its supplier to mend it.",
    ),
    "other_municipality": (
        ADDRESS,
        "The address lies in another municipality: send the signal there, and take it off this list.",
    ),
    "range_unknown": (
        RANGE,
        "The address reference does not know one of the two postcodes: use a newer one. Elsewhere nothing is needed.",
    ),
    "range_ambiguous": (
        RANGE,
        "The postcodes between the two lie in more than one municipality, so it is nobody's. Nothing needs to be done.",
    ),
    "range_elsewhere": (RANGE, "The range lies in another municipality. Nothing needs to be done."),
}
"""By reason why something lies nowhere: which fields are meant, and what to do."""


@dataclass(frozen=True)
class AddressReference:
    """Ranges of house numbers per postcode, columns `SCHEMA`; both ends of a range are in it."""

    ranges: pl.DataFrame

    @staticmethod
    def load(path: Path) -> "AddressReference":
        """Read a reference, `.parquet` or text with `,`.

        Raises:
            Fatal: there is no such file, or it has other columns.
        """
        try:
            if path.suffix == ".parquet":
                return AddressReference(
                    pl.read_parquet(path).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
                )
            return AddressReference(pl.read_csv(path, schema_overrides=SCHEMA).select(*SCHEMA))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise Fatal(
                f"The address reference {path.name} cannot be read.",
                f"It must be there and have the columns {', '.join(SCHEMA)} ({type(error).__name__}).",
                "Put the reference of your supplier of addresses in that form.",
            ) from None

    @cached_property
    def postcodes(self) -> pl.DataFrame:
        """Each postcode with its municipalities and districts, a row for each, in order of postcode."""
        return self.ranges.select("postcode", "municipality", "district").unique().sort(pl.all())

    def places(self, rows: pl.DataFrame, only: str | None = None) -> pl.DataFrame:
        """Say where each row lies, in their order.

        Args:
            rows: with `postcode` and `house_number`.
            only: what lies elsewhere than in this municipality is refused, as for a municipality's own list.

        Returns:
            `municipality`, `district` and `reason`: null for a row with one answer, else address_unknown,
            address_ambiguous or other_municipality.
        """
        numbered = rows.select("postcode", "house_number").with_row_index("_row")
        number = pl.col("house_number")
        found = (
            numbered.join(self.ranges, on="postcode")
            .filter(number.is_between("house_number_from", "house_number_to"))
            .unique(["_row", "municipality", "district"])
            .group_by("_row")
            .agg(pl.len().alias("_answers"), pl.col("municipality", "district").first())
        )
        reason = (
            pl.when(pl.col("_answers").is_null()).then(pl.lit("address_unknown"))
            .when(pl.col("_answers") > 1).then(pl.lit("address_ambiguous"))
            .when(pl.col("municipality") != pl.lit(only, pl.String)).then(pl.lit("other_municipality"))
        )  # fmt: skip
        placed = numbered.join(found, on="_row", how="left", maintain_order="left")
        return placed.select("municipality", "district", reason.alias("reason"))


def divided(rows: pl.DataFrame, places: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Divide rows into those that lie somewhere and the others.

    Args:
        rows: with `source_row`.
        places: where each of them lies, as `AddressReference.places` or `places_of_ranges` says it.

    Returns:
        Rows with one answer, in their order, with `municipality` and `district`; and the others as refused rows
        (source_row, field, reason, remedy, raw).
    """
    placed = pl.concat([rows, places.rename({"reason": "_reason"})], how="horizontal")
    resolved = placed.filter(pl.col("_reason").is_null()).drop("_reason")
    unplaced = placed.filter(pl.col("_reason").is_not_null())
    reason = unplaced["_reason"]
    field, remedy = (reason.replace_strict({name: said[at] for name, said in REMEDIES.items()}) for at in (0, 1))
    return resolved, refuse(unplaced.select(rows.columns), reason, field, remedy).sort("source_row")
