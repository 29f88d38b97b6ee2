"""Direct identifiers in free text: found in every spelling that a person reads, and not where there are none."""

from collections.abc import Callable
from datetime import date
from random import Random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.identifiers import FRIENDLY, REMEDY, found

digit = st.sampled_from("0123456789")
around = st.sampled_from(["{}", "bel mij op {}.", "het was {}, dacht ik", "({})", "zie:\n{}\nals u wilt"])
gap = st.sampled_from(["", " ", ".", "-", "\u00a0", "\u200b"])


def kind(text: str) -> str | None:
    return pl.DataFrame({"text": [text]}).select(found(pl.col("text"))).item()


def share_refused(texts: list[str]) -> float:
    return float(pl.DataFrame({"text": texts}).select(found(pl.col("text")).is_not_null().mean()).item())


def with_check_digit(number: str) -> str:
    """Nine digits that pass the eleven-test, out of eight, or ten signs where no ninth digit does."""
    weighted = sum(int(sign) * weight for sign, weight in zip(number, range(9, 1, -1), strict=True))
    return f"{number}{weighted % 11}"


eight = st.text("0123456789", min_size=8, max_size=8).filter(lambda number: int(number) > 0)
bsn = eight.map(with_check_digit).filter(lambda number: len(number) == 9)
grouped: st.SearchStrategy[tuple[int, ...]] = st.sampled_from([(9,), (3, 3, 3), (4, 2, 3), (2, 2, 2, 3)])


def parts(number: str, sizes: tuple[int, ...], between: str) -> str:
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    return between.join(number[end - size : end] for end, size in zip(ends, sizes, strict=True))


@given(bsn, grouped, st.sampled_from(["", " ", ".", "-", "\u00a0"]), around)
@settings(max_examples=80, deadline=None)
def test_a_citizen_service_number_is_found_in_each_grouping(
    number: str, sizes: tuple[int, ...], between: str, text: str
) -> None:
    assert kind(text.format(parts(number, sizes, between))) == "bsn"


@given(
    st.text("0123456789", min_size=8, max_size=9),
    st.sampled_from(["bsn ", "BSN: ", "mijn bsn-nummer is ", "sofinummer "]),
)
@settings(max_examples=40, deadline=None)
def test_a_number_that_is_called_a_bsn_is_one_whatever_its_digits(number: str, before: str) -> None:
    assert kind(before + number) == "bsn"


def iban(land: str, rest: str) -> str:
    """An account number with the check digits that ISO 13616 gives it, calculated by whole numbers."""
    digits = "".join(str(int(sign, 36)) for sign in f"{rest}{land}00")
    return f"{land}{98 - int(digits) % 97:02}{rest}"


dutch = st.tuples(st.text("ABNGIRO", min_size=4, max_size=4), st.text("0123456789", min_size=10, max_size=10))


@given(dutch.map("".join), gap, st.sampled_from([str.upper, str.lower, str.title]), around)
@settings(max_examples=60, deadline=None)
def test_a_dutch_account_number_is_found_in_each_spelling(
    rest: str, between: str, cased: Callable[[str], str], text: str
) -> None:
    number = iban("NL", rest)
    spelled = between.join(number[at : at + 4] for at in range(0, len(number), 4))
    assert kind(text.format(cased(spelled))) in {"iban", "bsn"}  # its ten digits may hold a group that passes for a BSN


@given(
    st.sampled_from([("BE", 12), ("DE", 18), ("PL", 24), ("TR", 22), ("FR", 23)]), st.data(), st.sampled_from(["", " "])
)
@settings(max_examples=40, deadline=None)
def test_a_foreign_account_number_is_found_by_its_check_digits(
    land: tuple[str, int], data: st.DataObject, between: str
) -> None:
    number = iban(land[0], data.draw(st.text("0123456789", min_size=land[1], max_size=land[1])))
    wrong = f"{land[0]}{(int(number[2:4]) + 1) % 100:02}{number[4:]}"
    texts = [between.join(code[at : at + 4] for at in range(0, len(code), 4)) for code in (number, wrong)]
    assert kind(f"op {texts[0]} van mijn zus") is not None
    assert kind(f"op {texts[1]} van mijn zus") != "iban"


areas = st.sampled_from(["06", "053", "020", "0541", "010", "0592", "085", "0800"])


@given(areas, st.data(), st.sampled_from(["{}{}", "{}-{}", "{} {}", "({}) {}", "{} - {}", "{}/{}"]), around)
@settings(max_examples=80, deadline=None)
def test_a_telephone_number_is_found_in_each_spelling(area: str, data: st.DataObject, shape: str, text: str) -> None:
    rest = data.draw(st.text("0123456789", min_size=10 - len(area), max_size=10 - len(area)))
    size = data.draw(st.sampled_from([2, 3, 4, 8]))
    spelled = data.draw(st.sampled_from([" ", "", "."])).join(rest[at : at + size] for at in range(0, len(rest), size))
    assert kind(text.format(shape.format(area, spelled))) is not None
    abroad = data.draw(st.sampled_from(["+31", "0031", "+31 ", "+31 (0)", "+31-"]))
    assert kind(text.format(f"{abroad}{area[1:]} {spelled}")) is not None


local = st.from_regex(r"\A[a-z][a-z0-9._-]{1,9}[a-z0-9]\Z")
domain = st.from_regex(r"\A[a-z][a-z0-9-]{1,9}[a-z0-9]\Z")


@given(
    local,
    domain,
    st.sampled_from(["@", " @ ", "(at)", " at ", " apenstaartje ", " [at] "]),
    st.sampled_from([".", " punt ", " dot ", "(punt)"]),
    around,
)
@settings(max_examples=60, deadline=None)
def test_an_email_address_is_found_also_where_it_is_said_aloud(
    name: str, host: str, at: str, point: str, text: str
) -> None:
    address = f"{name}{at}{host}{point}nl"
    assert kind(text.format(address)) is not None
    assert kind(text.format(address.upper())) is not None


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_nine_digits_by_chance_are_refused_no_more_often_than_the_eleven_test_passes(seed: int) -> None:
    """One in eleven by arithmetic; of 1,100 numbers 100 are expected with a standard deviation of 9.5."""
    numbers = Random(seed).sample(range(10**8, 10**9), 1_100)
    assert share_refused([f"klant {number} wacht" for number in numbers]) < (100 + 6 * 9.5) / 1_100


euros = st.integers(0, 99_999_999).map(lambda cents: f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02}")
days = st.dates(date(1900, 1, 1), date(2099, 12, 31)).map(lambda day: day.strftime("%d-%m-%Y"))
shapes = [
    st.tuples(euros).map(lambda it: f"Ik kreeg € {it[0]} terug, en daarna nog {it[0]} euro."),
    st.tuples(days, days).map(lambda it: f"Van {it[0]} tot {it[1]} hoorde ik niets. Op {it[0]} 10 uur belden ze."),
    st.tuples(days, days).map(lambda it: f"{it[0]}/{it[1]}"),
    st.integers(1990, 2030).map(lambda year: f"In {year} en {year + 1}, {year}-{year + 1}, en in {year} 12 keer."),
    st.integers(1000, 9999).map(lambda code: f"Postcode {code} AB 12, of {code}AB 3."),
    st.integers(1, 23).map(lambda hour: f"Tussen {hour:02}.00-{hour:02}.30 en {hour:02}:15 uur, {hour} mensen."),
]


@given(st.one_of(*shapes))
@settings(max_examples=150, deadline=None)
def test_amounts_dates_years_postcodes_and_times_are_not_refused(text: str) -> None:
    assert kind(text) is None


def test_ordinary_words_are_not_refused() -> None:
    texts = [
        "Ik at soep. Nl was het.",
        "Hij at een punt taart.",
        "nul komma nul",
        "Ze belde 4 keer in 2 weken.",
        "",
        None,
    ]
    assert pl.DataFrame({"text": texts}).select(found(pl.col("text"))).to_series().to_list() == [None] * len(texts)


def test_each_kind_has_a_message_for_tellers_and_a_remedy_for_keepers_of_sources() -> None:
    texts = ["111222333", "NL91 ABNA 0417 1643 00", "06-12345678", "jan@voorbeeld.nl"]
    kinds = pl.DataFrame({"text": texts}).select(found(pl.col("text"))).to_series().to_list()
    assert kinds == list(FRIENDLY) == list(REMEDY)
