"""What a story point asks: a file of its own, `vertelpunt.yaml`, in the folder of its sources."""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from connectors.codes_stories import THEMES
from connectors.story_fields import SLUG
from services.errors import Fatal

FILE: Final = "vertelpunt.yaml"
Id = Annotated[str, StringConstraints(pattern=SLUG)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=2000)]


class _Part(BaseModel):
    """Strict and frozen: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Asked(_Part):
    id: Id
    question: Sentence


class Triad(_Asked):
    """A question that is answered by a place between three labels."""

    labels: tuple[Label, Label, Label]


class Dyad(_Asked):
    """A question that is answered by a place between two labels."""

    labels: tuple[Label, Label]


class Question(_Asked):
    """A plain question: one of some choices, by id."""

    choices: Annotated[dict[Id, Label], Field(min_length=2)]


class Consent(_Part):
    """What the form says about each use that a teller can allow."""

    count: Sentence = "Mijn verhaal mag meetellen: hoe vaak iets voorkomt, zonder mijn woorden."
    team: Sentence = "Het team van de gemeente dat met verhalen werkt mag mijn woorden lezen."
    quote: Sentence = "Mijn verhaal mag worden naverteld in een gesprek of rapport, nadat ik die woorden goed vond."
    publish: Sentence = "Mijn navertelde verhaal mag op een openbare pagina staan, nadat ik die woorden goed vond."


class StoryPoint(_Part):
    """What a story point asks, and how it introduces itself.

    Attributes:
        title: above the form.
        introduction: in Dutch, to the teller.
        themes: those it offers, as the form has them; all when empty.
        triads, dyads, questions: its own, each with an id by which answers name it.
        consent: texts about the uses.
    """

    title: Label
    introduction: Sentence
    themes: tuple[Label, ...] = ()
    triads: tuple[Triad, ...] = ()
    dyads: tuple[Dyad, ...] = ()
    questions: tuple[Question, ...] = ()
    consent: Consent = Consent()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        own: tuple[_Asked, ...] = (*self.triads, *self.dyads, *self.questions)
        ids = [item.id for item in own]
        if doubles := sorted({item for item in ids if ids.count(item) > 1}):
            raise ValueError(f"ids are used twice: {', '.join(doubles)}")
        if unknown := sorted(set(self.themes) - set(THEMES)):
            raise ValueError(f"no themes: {', '.join(unknown)}; there are {', '.join(THEMES)}")
        return self

    @property
    def offered(self) -> tuple[str, ...]:
        """The themes on the form."""
        return self.themes or tuple(THEMES)

    @property
    def theme_codes(self) -> frozenset[str]:
        """The same as events have them."""
        return frozenset(THEMES[theme] for theme in self.offered)

    @property
    def answers(self) -> frozenset[str]:
        """All answers that there can be, as `as_asked` writes them: question, kind and choice."""
        places = [f"{item.id}|triad|" for item in self.triads] + [f"{item.id}|dyad|" for item in self.dyads]
        return frozenset(places + [f"{item.id}|choice|{choice}" for item in self.questions for choice in item.choices])


def load_point(folder: Path) -> StoryPoint | None:
    """Read what a story point asks; None where it asks nothing of its own.

    Args:
        folder: of its sources.

    Raises:
        Fatal: the file cannot be read, or something in it is missing or wrong; each place is named.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        content: Any = yaml.safe_load(path.read_text("utf-8"))
        # by way of JSON: strict validation then takes a YAML list for a tuple, and still no text for a number
        return StoryPoint.model_validate_json(json.dumps(content))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or FILE}: {item['msg']}" for item in error.errors())
        raise Fatal(
            f"{path} does not say what a story point asks.", f"{wrong}.", "Mend it; docs/stories.md shows one."
        ) from None
    except (OSError, yaml.YAMLError, TypeError, UnicodeDecodeError) as error:
        raise Fatal(
            f"{path} cannot be read.", f"{type(error).__name__} at reading it.", "Write it as YAML in UTF-8."
        ) from None
