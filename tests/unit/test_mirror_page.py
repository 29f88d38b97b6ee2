"""The mirror shows every figure with all that must be said beside it, ranks nobody, and needs nothing beside itself."""

import datetime as dt
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from services.asking import Ask
from services.errors import Fatal
from services.indicators import catalogue_table, load_catalogue
from services.mirror.page import page
from services.mirror.reading import read
from tests.mirror_figures import MULTIPLE, REACHED, SERIES, SIGNALS, STOPS, TOWN, asking, figure, hidden, part

SIMILAR, HIGHER = "binnen wat te verwachten is", "hoger dan verwacht"
TODAY = dt.date(2026, 2, 1)
NAMES = {"gm0344": "Utrecht", TOWN: "Den Haag"}
SHOWN = sorted({str(row["indicator"]) for row in SERIES})
RANKING = re.compile(
    r"\b(ranglijst|rangorde|koploper|achterblijver|beste|slechtste|hoogste van|laagste van|plaats \d|nummer \d|top \d)",
    re.IGNORECASE,
)


def made(ask: Ask, today: dt.date = TODAY) -> str:
    return page(read(ask, TOWN), NAMES, today)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    return asking(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def html(ask: Ask) -> str:
    return made(ask)


@pytest.fixture(scope="module")
def tree(html: str) -> ET.Element:
    return parsed(html)


def parsed(html: str) -> ET.Element:
    """The page as XML: it is well-formed as that too, so any parser agrees about it."""
    return ET.fromstring(html)  # noqa: S314 - our own page


def by_id(tree: ET.Element, name: str) -> ET.Element:
    (found,) = (item for item in tree.iter() if item.get("id") == name)
    return found


def words(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def of_class(element: ET.Element, name: str) -> ET.Element:
    (found,) = (item for item in element.iter() if item.get("class") == name)
    return found


@pytest.mark.parametrize("indicator", SHOWN)
def test_every_indicator_with_a_figure_is_told_with_all_that_must_stand_beside_it(
    tree: ET.Element, indicator: str
) -> None:
    section, entry = by_id(tree, indicator), load_catalogue()[indicator]
    assert words(section[0]) == entry.title.nl
    assert words(of_class(section, "definition")) == " ".join(entry.definition.nl.split())
    for name, texts in (
        ("doubts", entry.does_not_say),
        ("incentives", entry.perverse_incentives),
        ("misses", entry.misses),
    ):
        items = [words(item) for item in of_class(section, name).iter("li")]
        assert items == [" ".join(text.nl.split()) for text in texts], name
    assert words(of_class(section, "coverage")).startswith("Dekking")
    breaks = words(of_class(section, "breaks"))
    for item in entry.series_breaks:
        assert " ".join(item.reason.nl.split()) in breaks
    assert words(of_class(section, "story")).startswith("Het verhaal")


def test_indicators_without_a_figure_are_named_and_no_section_is_empty(tree: ET.Element) -> None:
    sections = [item.get("id") for item in tree.iter("section") if item.get("class") == "indicator"]
    assert sorted(map(str, sections)) == SHOWN
    left_out = words(next(item for item in tree.iter("section") if item.get("aria-labelledby") == "zonder"))
    for name, entry in load_catalogue().items():
        assert (entry.title.nl in left_out) == (name not in SHOWN)
    assert "per provincie vrijgegeven" in left_out


@pytest.mark.parametrize("indicator", SHOWN)
def test_the_numbers_of_a_table_are_those_of_an_independent_question(
    ask: Ask, tree: ET.Element, indicator: str
) -> None:
    asked = ask(f"FROM hub.benchmark.figures WHERE indicator = '{indicator}' AND municipality = '{TOWN}'").to_pylist()
    rows = list(next(by_id(tree, indicator).iter("tbody")))
    assert len(rows) == len(asked)
    columns = ("value", "ci_low", "ci_high", "numerator", "denominator", "peer_median", "peer_p25", "peer_p75")
    for row, expected in zip(rows, sorted(asked, key=lambda item: item["period"]), strict=True):
        told = [float(str(item.get("value"))) for item in row.iter("data")]
        wanted = [expected[name] for name in (*columns, "peer_count", "coverage") if expected[name] is not None]
        assert told == wanted


def test_a_number_reads_as_the_dutch_write_it(tree: ET.Element) -> None:
    newest = [words(cell) for cell in list(next(by_id(tree, SIGNALS).iter("tbody")))[-1]]
    assert newest == [
        "december 2025", "8,01", "6,95 – 9,18", "205", "25.600", "7,12", "6,25 – 8,88", "7", "hoger dan verwacht",
        "63 %",
    ]  # fmt: skip


def test_suppressed_and_missing_are_said_and_never_look_like_zero(tree: ET.Element) -> None:
    for indicator, word in ((MULTIPLE, "onderdrukt"), (STOPS, "ontbreekt")):
        section = by_id(tree, indicator)
        (row,) = next(section.iter("tbody"))
        assert words(row[1]) == word
        assert [words(cell) for cell in row[2:5]] == ["–", "–", "–"]
        assert "is niet hetzelfde als nul" in words(section)
        assert list(section.iter("circle")) == []
    drawn = by_id(tree, SIGNALS)
    assert [item.get("class") for item in drawn.iter("rect")].count("suppressed") == 1
    assert len(list(drawn.iter("circle"))) == 2, "two of the three months are shown"
    assert "Onderdrukt in 1 van 3 perioden; dat is niet nul." in words(next(drawn.iter("desc")))


def test_a_figure_per_approach_stands_beside_the_peers_that_have_it_in_the_order_of_the_catalogue(
    tmp_path: Path,
) -> None:
    nothing = dict.fromkeys(("value", "ci_low", "ci_high", "numerator", "denominator", "peer_median"))
    rows = [
        figure(REACHED, "2025", value=44.5, numerator=180, denominator=400),
        part("leergeld", compared="higher"),
        part("city_pass", **nothing, status="suppressed", peer_count=None, peer_p25=None, peer_p75=None,
             compared="not_compared"),
        part("child_package"), part("child_package", "2024", value=12.5),
        part("other", peer_set=None, peer_count=None, peer_median=None, peer_p25=None, peer_p75=None,
             compared="not_compared"),
    ]  # fmt: skip
    tree = parsed(made(asking(tmp_path, rows)))
    section = by_id(tree, REACHED)
    whole, parts = section.iter("tbody")
    assert [words(row)[:12] for row in whole] == ["2025 44,5 7,"]
    assert [[words(cell) for cell in row] for row in parts] == [
        ["Kindpakket", "2024", "12,5", "7,0 – 9,2", "60", "400", "17,5", "6,2 – 8,9", "7", SIMILAR, "100 %"],
        ["Kindpakket", "2025", "15,2", "7,0 – 9,2", "60", "400", "17,5", "6,2 – 8,9", "7", SIMILAR, "100 %"],
        ["Stichting Leergeld", "2025", "15,2", "7,0 – 9,2", "60", "400", "17,5", "6,2 – 8,9", "7", HIGHER, "100 %"],
        ["Stadspas", "2025", "onderdrukt", "–", "–", "–", "–", "–", "–", "niet vergeleken", "100 %"],
        ["Andere aanpak", "2025", "15,2", "7,0 – 9,2", "60", "400", "–", "–", "–", "niet vergeleken", "100 %"],
    ]
    assert "Uitgesplitst naar aanpak" in words(section)
    assert "Delen tellen niet op tot het totaal." in words(section)
    assert len(list(section.iter("circle"))) == 1, "the drawing is of all together"
    assert [item for item in tree.iter() if "Uitgesplitst" in (item.text or "")] == [
        item for item in section.iter() if "Uitgesplitst" in (item.text or "")
    ]


def test_of_a_newest_figure_that_is_not_shown_the_last_shown_one_is_told(tmp_path: Path) -> None:
    html = made(asking(tmp_path, [figure(SIGNALS, "2025-11"), hidden(SIGNALS, "2025-12")]))
    assert "Het cijfer over december 2025 is onderdrukt" in html
    assert "Het laatste cijfer dat wel getoond wordt: 8,01 per 1.000 huishoudens, over november 2025." in html


def test_a_municipality_without_figures_is_told_so(tmp_path: Path) -> None:
    html = made(asking(tmp_path, [], []))
    tree = parsed(html)
    assert "Van Den Haag (gm0518) staat nog geen cijfer in de spiegel. Dat is niet hetzelfde als nul" in words(tree)
    assert list(tree.iter("svg")) == list(tree.iter("table")) == []
    for entry in load_catalogue().values():
        assert entry.title.nl in html


def test_the_page_refers_to_nothing_outside_itself(html: str, tree: ET.Element) -> None:
    assert "//" not in html
    ids = [item.get("id") for item in tree.iter() if item.get("id")]
    assert len(ids) == len(set(ids))
    for item in tree.iter():
        assert item.tag not in {"script", "img", "iframe", "object", "embed", "video", "audio", "form", "base", "use"}
        assert not [name for name in item.attrib if name.startswith("on") or name in {"src", "srcset", "style"}]
        for name in ("href", "aria-labelledby"):
            for target in (item.get(name) or "").split():
                assert target == "data:," or target.removeprefix("#") in ids, target
    assert set(re.findall(r"url\((.*?)\)", html)) <= {f"#{name}" for name in ids}
    assert "@import" not in html
    policy = next(item.get("content") for item in tree.iter("meta") if item.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_whoever_cannot_see_it_can_read_it(tree: ET.Element) -> None:
    assert tree.get("lang") == "nl"
    assert words(next(tree.iter("title"))) == "Spiegel van Den Haag (gm0518)"
    levels = [int(item.tag[1]) for item in tree.iter() if re.fullmatch(r"h[1-6]", item.tag)]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in tree.iter("table"):
        assert words(table[0])
        assert table[0].tag == "caption"
        heads = list(table[1][0])
        assert {item.get("scope") for item in heads} == {"col"}
        assert all(row[0].get("scope") == "row" and len(row) == len(heads) for row in table[2])
    drawings = list(tree.iter("svg"))
    assert drawings
    for svg in drawings:
        assert (svg.get("role"), svg[0].tag, svg[1].tag) == ("img", "title", "desc")
        assert svg.get("aria-labelledby") == f"{svg[0].get('id')} {svg[1].get('id')}"
        assert words(svg[1]).endswith("Alle waarden staan in de tabel onder de grafiek.")


def test_text_has_contrast_enough_and_no_colour_says_good_or_bad(html: str) -> None:
    """WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for what a drawing needs (1.4.11), both against white."""
    style = html[html.index("<style>") : html.index("</style>")]
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", html)) == set(re.findall(r"#[0-9a-f]{6}\b", style))
    for rule, least in ((r"[^-]color: (#\w+)", 4.5), (r"svg text \{[^}]*fill: (#\w+)", 4.5), (r"stroke: (#\w+)", 3.0)):
        found = set(re.findall(rule, style)) - {"#ffffff"}
        assert found
        assert all(contrast_with_white(colour) >= least for colour in found), rule
    for red, green, blue in map(channels, re.findall(r"#[0-9a-f]{6}\b", style)):
        assert max(red, green) - blue < 0.2, "neither red, green nor yellow: grey and blue only"


def channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def contrast_with_white(colour: str) -> float:
    """Relative luminance and contrast as WCAG 2.2 defines them."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels(colour)]
    return 1.05 / (sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)) + 0.05)


def test_nobody_is_ranked(html: str, tree: ET.Element) -> None:
    assert RANKING.findall(html) == []
    peers = [words(item) for item in of_class(tree, "peers")]
    assert peers == ["Utrecht (gm0344)", "gm0363", "gm0599"], "in alphabetical order, of the newest period"
    titles = [words(item[0]) for item in tree.iter("section") if item.get("class") == "indicator"]
    assert titles == sorted(titles)


def test_a_verdict_has_careful_words(tree: ET.Element) -> None:
    told = {name: words(by_id(tree, name)) for name in SHOWN}
    assert "Het ligt hoger dan bij de evenknieën te verwachten is" in told[SIGNALS]
    assert "een vraag voor het gesprek" in told[SIGNALS]
    assert "Hoger is bij dit cijfer niet beter en ook niet slechter" in told[SIGNALS]
    assert "Het ligt lager dan" in told["assistance_per_1000"]
    assert "niet vergeleken: minder dan 5 evenknieën" in told["reached_share"]
    assert "Dekking: niet van toepassing. Dit zijn open gegevens" in told["assistance_per_1000"]


def test_what_others_may_not_see_yet_is_said_above_all_else(tmp_path: Path) -> None:
    ask = asking(tmp_path, [figure(SIGNALS, "2025-12", public_from=dt.date(2026, 2, 15))])
    assert "cijfers die tot 15 februari 2026 alleen voor de gemeente zelf zijn" in " ".join(made(ask).split())
    assert "Nog niet delen" not in made(ask, dt.date(2026, 2, 15))


def test_what_a_table_holds_cannot_become_markup(tmp_path: Path) -> None:
    """Whoever could write into a published table or the directory would else write the page."""
    hostile = "</style><script>alert('x')</script>&\"<svg onload=x>"
    texts = [name for name, kind in catalogue_table(load_catalogue()).schema.items() if kind == pl.String]
    replaced = catalogue_table(load_catalogue()).with_columns(
        pl.lit(hostile).alias(name) for name in texts if name.endswith("_nl")
    )
    lists = [name for name in replaced.columns if name.startswith(("does_not", "perverse", "misses", "series"))]
    replaced = replaced.with_columns(pl.lit([hostile]).alias(name) for name in lists if name.endswith("_nl"))
    rows = [figure(SIGNALS, "2025-12", status=hostile, value=None, compared=hostile, trend=hostile, peer_set=hostile)]
    peers = [{"period": "2025-12", "peer_set": hostile, "municipality": TOWN, "peer": hostile, "trait_vintage": 2024}]
    html = page(read(asking(tmp_path, rows, peers, replaced), TOWN), {TOWN: hostile}, TODAY)
    tree = parsed(html)
    assert hostile in "".join(tree.itertext())
    assert not {"script"} & {item.tag for item in tree.iter()}
    assert [item for item in tree.iter("svg") if item.get("onload")] == []
    assert html.count("</style>") == 1


def test_only_a_municipality_has_a_mirror(ask: Ask) -> None:
    for code in ("pv28", "nl01", "wk051801", "gm0518' or '1'='1", "GM0518", ""):
        with pytest.raises(Fatal, match="made for a municipality"):
            read(ask, code)
