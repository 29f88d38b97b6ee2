"""Disclosure control: what every released cell passes, and at the end `release_words`, what all released words pass.

A cell is a numerator over a denominator. It is released when enough units are behind it (households, persons or
records; never events), and then only perturbed and rounded:

1. Threshold. At least 10 units in the numerator, at least 10 units of the denominator not in the numerator (the
   complement), at least 50 units in the denominator. All three are tested on true counts. An observed 0 has fewer than
   10 units and is `suppressed`, never shown as 0; `zero` is only where the public population is 0 (structural). A
   suppressed cell does not say which of the three failed.
2. Perturbation with the cell-key method (Fraser & Wooton, UNECE work session on statistical confidentiality 2005). A
   cell key is the sum of keyed hashes of the cell's units, so the same set of units has the same noise in every table
   and month, and asking again or adding tables cannot average it away. Totals have their own key, so published parts
   need not add up.
3. Rounding to the nearest multiple of 5. Rates are then made of the rounded values, by whoever reads them.

A public denominator (a population count that CBS published) needs no protection: it is neither perturbed nor rounded.

The p-table (disclosure_ptable.csv) is the maximum-entropy distribution on the integers -4..4 with mean 0 and variance
3: p(k) = exp(-l k²) / Σ exp(-l j²) with l = 0.15188766852757, the root of Σ k² p(k) = 3 (symmetry gives mean 0; the
exponential family has most entropy under a variance constraint, Cover & Thomas 2006, theorem 12.1.1). `upper` is the
cumulative probability times 2**32: a key below it, and not below the row before, has that row's noise.

What this gives, computed exactly in tests/attack/test_disclosure_odds.py, against one who has every published cell:
- one who knows every unit but one guesses from a published number whether that one counts with at most 62 % right
  (50 % is a coin);
- one who sees the release of a set beside that of the set with one unit more, and knows that nothing else can differ,
  guesses with at most 77 % right that they differ. So never define two tables that differ by a few units: calendar
  periods, one fixed district map per vintage, no rolling windows;
- one who takes published parts from their published total guesses the exact count (0 to 9) of the suppressed part with
  at most 26 % right (10 % is blind), and is sure of it (over 90 %) in fewer than 1 of 1,000 cases.
The noise is at most 4: where one household has many events in a cell, noise alone does not hide it; the threshold on
distinct units does. A threshold on true counts also tells one who knows every unit but one whether the 10th is there.
"""

import csv
import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

MIN_UNITS: Final = 10
MIN_DENOMINATOR_UNITS: Final = 50
ROUNDING_BASE: Final = 5
KEY_SPACE: Final = 2**32
MIN_REVIEWERS: Final = 2
LONGEST_SHARED_RUN: Final = 7
"""Words in a row that a paraphrase may have in common with the text that it retells."""
LEAVING_USES: Final = frozenset({"quote", "publish"})
"""Uses of a story for which words may leave; to count it or to show it to the team lets none go."""

Status = Literal["published", "suppressed", "missing", "not_applicable", "zero"]


class UnsafeCountError(ValueError):
    """A count that cannot be one: negative, or more units than events. Nothing is released from it."""


@dataclass(frozen=True, slots=True)
class Count:
    """A protected count, before release; stays inside the node, or is a region's sum at the hub.

    Attributes:
        value: what is counted: events in a rate, distinct units in a proportion.
        units: distinct units (households, persons or records) behind the value.
        key: sum of the units' keys, each below 2**32; only its remainder modulo 2**32 matters.

    Raises:
        UnsafeCountError: a negative number, or more units than events.
    """

    value: int
    units: int
    key: int

    def __post_init__(self) -> None:
        if min(self.value, self.units, self.key) < 0 or self.units > self.value:
            raise UnsafeCountError(
                "A count is negative or has more units than events; masks that do not cancel look so."
            )


@dataclass(frozen=True, slots=True)
class Cell:
    """What may leave: a status and, only where `published` or `zero`, a numerator and a denominator."""

    status: Status
    numerator: int | None = None
    denominator: int | None = None


@cache
def ptable() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The p-table as (noise values, exclusive upper bounds of their key ranges), in order of the noise."""
    with Path(__file__).with_name("disclosure_ptable.csv").open(newline="", encoding="utf-8") as file:
        rows = [(int(row["noise"]), int(row["upper"])) for row in csv.DictReader(file)]
    return tuple(noise for noise, _ in rows), tuple(upper for _, upper in rows)


def noise(key: int) -> int:
    """The noise of a cell key: an integer from -4 to 4, the same for the same key."""
    values, uppers = ptable()
    return values[bisect_right(uppers, key % KEY_SPACE)]


def protect(count: Count) -> int:
    """The count perturbed by its own key, then rounded to the nearest multiple of 5; never below 0."""
    perturbed = max(count.value + noise(count.key), 0)
    return ROUNDING_BASE * ((perturbed + ROUNDING_BASE // 2) // ROUNDING_BASE)


def release_cell(numerator: Count | None, denominator: Count | int | None) -> Cell:
    """Decide on one cell and protect it.

    Args:
        numerator: the counted units and events, None where no data were delivered.
        denominator: a `Count` of units that include the numerator's, or a public population as a plain int, or None
            where there is none.

    Returns:
        `missing` without data, `zero` for an empty public population, `suppressed` under a threshold, else `published`.
    """
    if numerator is None or denominator is None:
        return Cell("missing")
    if denominator == 0 and numerator.value == 0:
        return Cell("zero", 0, 0)
    base = denominator.units if isinstance(denominator, Count) else denominator
    if numerator.units < MIN_UNITS or base - numerator.units < MIN_UNITS or base < MIN_DENOMINATOR_UNITS:
        return Cell("suppressed")
    below = protect(denominator) if isinstance(denominator, Count) else denominator
    return Cell("published", protect(numerator), below)


def release_open_data(numerator: int | None, denominator: int | None, publisher: str) -> Cell:
    """Pass figures that their publisher already protected and published, as they are.

    Args:
        numerator: the published count, None where the publisher left it out.
        denominator: the published base, None where the publisher left it out.
        publisher: who protected it, for instance `CBS`; without a publisher nothing is open data.

    Raises:
        UnsafeCountError: no publisher is named.
    """
    if not publisher.strip():
        raise UnsafeCountError("Open data need a named publisher that protected them; without one use release_cell.")
    if numerator is None or not denominator:
        return Cell("missing")
    return Cell("published", numerator, denominator)


@dataclass(frozen=True, slots=True)
class Words:
    """What may leave: the words, only where `released`; else, for people, what is still lacking."""

    status: Literal["released", "refused"]
    words: str | None
    reasons: tuple[str, ...]


def release_words(
    words: str,
    *,
    originals: Collection[str],
    approvals: Collection[tuple[str, str]],
    agreed_with_teller: bool | None,
    consent: Collection[str] | None,
    use: str | None,
    reply_due: bool,
    identifier: str | None,
    unexplained_marks: int,
) -> Words:
    """Decide on words that people wrote: the paraphrase of a story, a conclusion or an action of a session.

    Args:
        words: as they would leave.
        originals: texts that they may not repeat: what the teller wrote, what others said; may be empty.
        approvals: (name of a reviewer, SHA-256 of the approved words as hex). Names that differ in capitals, accents,
            spaces or signs only are one person; an approval of other words counts for nothing.
        agreed_with_teller: whether the teller agreed with these words, None where there is no teller.
        consent: uses to which the teller consents at present, None where there is no teller.
        use: for which the words would leave, one of `LEAVING_USES`; None where there is no teller.
        reply_due: whether a provider that is named may still reply.
        identifier: the first kind of direct identifier found in the words, if any.
        unexplained_marks: how many marks in the words (names, places, ...) no reviewer has explained.

    Returns:
        `released` with the words as given, or `refused` with every reason; reasons repeat nothing of any text.
    """
    digest = hashlib.sha256(words.encode()).hexdigest()
    reviewers = {_letters(name) for name, approved in approvals if approved.lower() == digest} - {""}
    told = (agreed_with_teller, consent, use) != (None, None, None)
    lacking = {
        "There are no words.": not _letters(words),
        f"Fewer than {MIN_REVIEWERS} different reviewers approved the words as they stand.": len(reviewers)
        < MIN_REVIEWERS,
        "The teller has not agreed with these words.": told and agreed_with_teller is not True,
        "The teller does not consent to this use.": told and use not in LEAVING_USES.intersection(consent or ()),
        f"More than {LONGEST_SHARED_RUN} words in a row are those of an original.": any(
            repeats(words, original) for original in originals
        ),
        "A provider that is named may still reply.": reply_due,
        f"The words hold a direct identifier ({identifier}).": identifier is not None,
        "Something marked in the words is not explained.": unexplained_marks != 0,
    }
    reasons = tuple(reason for reason, lacks in lacking.items() if lacks)
    return Words("refused", None, reasons) if reasons else Words("released", words, ())


def _letters(text: str) -> str:
    """Only letters and digits of a text, small and without accents."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text).casefold() if sign.isalnum())


def repeats(words: str, original: str) -> bool:
    """Return whether a run of words longer than allowed is in both, however it is written, spaced and hyphenated."""
    return _run_in(words, original) or _run_in(original, words)


def _run_in(source: str, target: str) -> bool:
    """Whether the letters of a run of words of the source stand in those of the target."""
    parts = [letters for part in re.split(r"\s+", source) if (letters := _letters(part))]
    runs = (parts[at : at + LONGEST_SHARED_RUN + 1] for at in range(len(parts) - LONGEST_SHARED_RUN))
    within = _letters(target)
    return any("".join(run) in within for run in runs)
