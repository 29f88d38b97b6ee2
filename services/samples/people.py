"""Names, streets and citizen service numbers as real exports have them, belonging to no one."""

from functools import cache
from typing import Final

import numpy as np
import polars as pl

from connectors.bsn import WEIGHTS
from services.samples.places import Ints

SURNAMES: Final = (
    "van Aalderen", "Brunsveld", "Çelik", "van Doornspeek", "Eßer", "Groenesteijn", "Haverkort", "el Idrissi",
    "Jörgens", "Kruimelaar", "Lindeveld", "Müskens", "ter Nooitgedacht", "Oostrum", "Piëst", "Quak",
    "Rozenbeek", "Steenhauër", "Tuinstra-de Wilg", "van der Uytwijck", "Vlierboom", "Wiegersveen", "Xhemaj",
    "IJzerdraat", "Zandkasteel",
)  # fmt: skip
STREETS: Final = (
    "Appelgaarde", "Beukenhorst", "Citadelkade", "Dobbelmanshof", "Eikenzoom", "Fluitekruid", "Grutterspad",
    "Houtduif", "Irisweide", "Jachthoorn", "Kolkweg", "Lavendelpad", "Molenwiek", "Noordvliet", "Oranjerie",
    "Pimpernel", "Roerdomp", "Sleutelbloem", "Tarweveld", "Uilentoren", "Veenpluis", "Waterlelie", "Zuringhof",
)  # fmt: skip
INITIALS: Final = "ABCDEFGHJKLMNPRSTVWZ"


@cache
def test_numbers() -> pl.Series:
    """Numbers that pass the eleven-test and begin with 9999, a range for tests that is issued to no one; String."""
    numbers = np.arange(999_900_000, 1_000_000_000)
    digits = numbers[:, None] // 10 ** np.arange(8, -1, -1) % 10
    return pl.Series(numbers[digits @ np.array(WEIGHTS) % 11 == 0]).cast(pl.String)


def persons(homes: Ints) -> pl.DataFrame:
    """Who lives at each dwelling: columns `bsn`, `name`, `birthday` (Date); the same dwelling has the same person."""
    mixed = homes * 2_654_435_761 % 2**32
    numbers = test_numbers()
    initials = pl.Series(list(INITIALS)).gather(mixed // 7 % len(INITIALS))
    days = pl.Series(mixed // 11 % 27_000 - 14_000).cast(pl.Int32)
    return pl.DataFrame(
        {
            "bsn": numbers.gather(mixed % len(numbers)),
            "name": initials + ". " + pl.Series(SURNAMES).gather(mixed // 13 % len(SURNAMES)),
            "birthday": days.cast(pl.Date),
        }
    )


def street_names(streets: pl.Expr) -> pl.Expr:
    """Made-up names of streets by number; String."""
    return (streets % len(STREETS)).replace_strict(dict(enumerate(STREETS)), return_dtype=pl.String)
