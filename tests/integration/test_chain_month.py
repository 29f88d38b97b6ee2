"""Closing months: the same release again, late events, missing statements, and sums over a province under masks."""

import datetime as dt
import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from services import tasks
from services.avro.encode import encode_rows
from services.directory import members_digest
from services.errors import Retryable
from services.home import Home
from services.indicators import load_catalogue
from services.network import Network
from services.privacy.masking import MODULUS, sum_of_shares
from services.receiving.collecting import open_node
from services.regions import regional_cells, settled
from services.sending.enqueueing import enqueue
from services.sending.sender import open_sender
from services.store.snapshots import scan
from services.store.tables import load_table
from tests.command import run
from tests.network_state import cell, events, published, release_state, rows_of
from tests.small_network import (
    AFTER,
    BACK,
    BEFORE,
    MUNICIPALITIES,
    PARTNERS,
    PROVINCE,
    arrears,
    export,
    texts,
)

pytestmark = pytest.mark.xdist_group("network")

TOWN = MUNICIPALITIES[0]
AtStage = Callable[[str], Path]


def deliver(root: Path, kind: str, town: str, month: str, houses: Sequence[int], name: str = "") -> None:
    """Send an export of some houses by the partner whose kind it is, and let the municipality receive it."""
    sender = {"rent": "hc-huis", "evictions": "hc-huis", "energy": "es-stroom"}[kind]
    folder = Home(root).participant(sender).sources
    path = export(folder, kind, texts(kind, arrears(town, month, houses)), f"_{month}_{town}{name}")
    assert not tasks.send(root, sender, [path], [month]).broken
    tasks.receive(root, town)


def as_bytes(frame: pl.DataFrame) -> bytes:
    """The rows of a frame as bytes."""
    out = io.BytesIO()
    frame.rechunk().write_ipc(out)
    return out.getvalue()


def test_closing_a_closed_month_again_gives_the_same_release_byte_for_byte(at_stage: AtStage) -> None:
    root = at_stage("closed")
    node = Home(root).participant(TOWN).root
    before, state = published(root, TOWN)["published.cells"], release_state(root, TOWN)
    files = sorted(node.rglob("published/**/*.parquet"))
    again = tasks.month(root, TOWN, BACK, AFTER)
    assert (again.closed_before, again.parcels) == (list(BACK), 0)
    assert sorted(node.rglob("published/**/*.parquet")) == files
    shutil.rmtree(node / "published")
    assert tasks.month(root, TOWN, BACK, AFTER).parcels == 0
    assert as_bytes(published(root, TOWN)["published.cells"]) == as_bytes(before)
    assert release_state(root, TOWN) == state


def test_a_late_event_enters_no_closed_month_but_counts_in_the_look_back_of_the_next(at_stage: AtStage) -> None:
    """60 households in December, of which 25 had a signal in November too: it came after November was closed."""
    root = at_stage("closed")
    deliver(root, "rent", TOWN, "2025-12", range(2001, 2061))
    november = published(root, TOWN)["published.cells"]
    deliver(root, "rent", TOWN, "2025-11", range(2001, 2026), "_late")
    tasks.month(root, TOWN, ["2025-11"], AFTER)
    assert as_bytes(published(root, TOWN)["published.cells"]) == as_bytes(november)
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    december = cell(root, TOWN, "2025-12", "consecutive_signals_share")
    # 25 of 60, each perturbed by at most 4 and rounded to 5
    assert december["numerator"] in {20, 25, 30}
    assert december["denominator"] in {55, 60, 65}
    assert published(root, TOWN)["published.cells"].filter(pl.col("period").is_in(BACK)).equals(november)


def test_after_an_older_private_store_is_put_back_a_published_month_has_no_second_release(at_stage: AtStage) -> None:
    """It knows neither close nor release; signals of November that came since would make another release."""
    root, older = at_stage("released"), at_stage("received")
    private = Home(root).participant(TOWN).root / "private"
    shutil.rmtree(private)
    shutil.copytree(Home(older).participant(TOWN).root / "private", private)
    before = published(root, TOWN)
    deliver(root, "rent", TOWN, "2025-11", range(2001, 2061), "_late")
    report = tasks.month(root, TOWN, BACK, AFTER)
    assert (report.closed_before, report.stands, report.periods, report.parcels) == ([], ["2025-11"], ["2025-10"], 0)
    after = published(root, TOWN)
    assert as_bytes(after["published.cells"]) == as_bytes(before["published.cells"])
    counted = [rows_of(tables["published.quality"].drop("late")) for tables in (before, after)]
    assert counted[0] == counted[1] != []


def test_without_the_late_events_the_look_back_of_the_next_month_would_be_too_small_to_release(
    at_stage: AtStage,
) -> None:
    root = at_stage("closed")
    deliver(root, "rent", TOWN, "2025-12", range(2001, 2061))
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    assert cell(root, TOWN, "2025-12", "consecutive_signals_share")["status"] == "suppressed"


def test_quality_shows_what_came_late_and_no_number_below_ten(at_stage: AtStage) -> None:
    root = at_stage("closed")
    quality = published(root, TOWN)["published.quality"].filter(period="2025-11", sender="hc-huis").row(0, named=True)
    # 30 rents and 6 evictions of November
    assert quality["accepted"] in {30, 35, 40}
    assert quality["late"] is None
    assert quality["stated"] is True
    deliver(root, "rent", TOWN, "2025-11", range(2001, 2026), "_late")
    deliver(root, "energy", TOWN, "2025-11", range(2001, 2006), "_late")
    tasks.month(root, TOWN, ["2025-12"], AFTER)  # closing December tells what came late for November
    november = published(root, TOWN)["published.quality"].filter(period="2025-11")
    late = dict(november.select("sender", "late").iter_rows())
    assert late["hc-huis"] in {20, 25, 30}
    assert late["es-stroom"] is None  # five
    numbers = november.select("received", "accepted", "quarantined", "held", "duplicate", "late").unpivot()["value"]
    assert (numbers.drop_nulls() % 5 == 0).all()
    assert numbers.drop_nulls().min() >= 5


def test_a_month_waits_for_statements_until_the_closing_day_and_names_who_is_missing(at_stage: AtStage) -> None:
    root = at_stage("closed")
    tasks.send(root, "hc-huis", [], ["2025-12"])
    tasks.send(root, "wc-water", [], ["2025-12"])
    tasks.receive(root, TOWN)
    with pytest.raises(Retryable, match=f"es-stroom, {TOWN}, hi-zorg") as waiting:
        tasks.month(root, TOWN, ["2025-12"], BEFORE)
    assert "2026-01-10" in waiting.value.todo
    assert published(root, TOWN)["published.cells"].filter(period="2025-12").is_empty()
    report = tasks.month(root, TOWN, ["2025-12"], dt.date(2026, 1, 10))
    assert report.missing == {"2025-12": ("es-stroom", TOWN, "hi-zorg")}


def test_after_the_closing_day_a_month_closes_with_the_coverage_of_who_did_state(at_stage: AtStage) -> None:
    """By hand: 9,000 client households of 17,776 (CBS, 2020) for the partner type that stated, 0 for the others."""
    root = at_stage("closed")
    deliver(root, "rent", TOWN, "2025-12", range(1, 41))
    tasks.month(root, TOWN, ["2025-12"], AFTER)
    share = 9_000 / 17_776
    rent = cell(root, TOWN, "2025-12", "rent_arrears_per_1000_households")
    assert (rent["status"], rent["coverage"]) == ("published", round(share, 2))
    types = load_catalogue()["signals_per_1000_households"].partner_types
    signals = cell(root, TOWN, "2025-12", "signals_per_1000_households")
    assert (signals["status"], signals["coverage"]) == ("published", round(share / len(types), 2))
    energy = cell(root, TOWN, "2025-12", "energy_arrears_per_1000_households")
    assert (energy["status"], energy["coverage"], energy["numerator"]) == ("missing", 0, None)
    received, made = tasks.benchmark(root)
    assert set(received.verdicts) == {"accepted"}  # a missing cell gives its reason, as its contract wants
    at_hub = published(root, "hub")["network.cells"].filter(
        period="2025-12", area=TOWN, indicator="energy_arrears_per_1000_households"
    )
    assert at_hub.select("status", "reason").rows() == [
        ("missing", "no sender of these events stated a complete delivery")
    ]
    assert made.figures["month", "missing"] > 0


@pytest.fixture
def year(at_stage: AtStage) -> Path:
    """The year is closed everywhere; evictions are released for the province."""
    root = at_stage("closed")
    for town in MUNICIPALITIES:
        tasks.month(root, town, ["2025-12"], AFTER)
    return root


def true_evictions(root: Path) -> Counter[str]:
    """Evictions carried out in 2025 per municipality, counted in plain Python from the private tables."""
    found: Counter[str] = Counter()
    for town in MUNICIPALITIES:
        for row in events(root, town, "eviction_notice").iter_rows(named=True):
            found[town] += row["stage"] == "carried_out" and row["effective_on"].year == 2025
    return found


def regional(root: Path) -> dict[str, object]:
    """The province's figure at the hub."""
    cells = published(root, "hub")["network.cells"].filter(area=PROVINCE, indicator="evictions_per_1000_households")
    assert cells.height == 1
    return cells.row(0, named=True)


def test_the_hub_learns_the_sum_over_a_province_and_nothing_of_a_municipality(year: Path) -> None:
    tasks.benchmark(year)
    truth = true_evictions(year)
    assert sum(truth.values()) == 36
    shares = events(year, "hub", "regional_share")
    assert sorted(shares["sent_by"]) == list(MUNICIPALITIES)
    assert sum_of_shares(shares["share_events"]) == 36
    assert sum_of_shares(shares["share_units"]) == 18  # the same households in both months
    for row in shares.iter_rows(named=True):
        for share in (row["share_events"], row["share_units"], row["share_key"]):
            assert share > MODULUS >> 20  # 1 in a million by chance; the value itself is below 40
    found = regional(year)
    assert found["status"] == "published"
    assert found["numerator"] in {30, 35, 40}
    assert found["denominator"] == sum(_households().values())
    coverage = found["coverage"]
    assert isinstance(coverage, float)
    assert 0 < coverage < 1


def test_a_province_s_figure_stands_when_the_public_population_changes(year: Path) -> None:
    tasks.benchmark(year)
    released = regional(year)
    network = Network.open(year)
    shares, population = events(year, "hub", "regional_share"), events(year, "hub", "population_reference")
    grown = population.with_columns(pl.col("value") * 2)
    cells = regional_cells(network, shares, load_catalogue(), grown)
    assert cells["denominator"].to_list() == [2 * sum(_households().values())]
    stands = settled(open_node(network, "hub").catalog, cells, shares, lambda _: None)
    assert stands["release_id"].to_list() == [released["release_id"]]
    assert stands["denominator"].to_list() == [released["denominator"]]


def test_a_province_is_missing_where_nobody_delivered_to_one_of_its_municipalities(year: Path) -> None:
    """A municipality without deliveries would add a zero that nobody counted."""
    tasks.benchmark(year)
    network = Network.open(year)
    shares = events(year, "hub", "regional_share")
    silent = shares.with_columns(coverage=pl.when(sent_by=MUNICIPALITIES[0]).then(0.0).otherwise("coverage"))
    population = events(year, "hub", "population_reference")
    cells = regional_cells(network, silent, load_catalogue(), population)
    assert cells.select("status", "numerator", "reason").rows() == [
        ("missing", None, "nobody delivered to one of the municipalities")
    ]


def test_nothing_is_stated_of_a_month_of_which_a_file_could_not_be_read(at_stage: AtStage, tmp_path: Path) -> None:
    """Else the month would close with this sender's full coverage and none of its signals."""
    broken = tmp_path / "energie_achterstanden_2025-12.csv"
    broken.write_text("this is no export\n", "utf-8")
    report = tasks.send(at_stage("empty"), "es-stroom", [broken], ["2025-12"])
    assert len(report.broken) == 1
    assert (report.statements, report.parcels) == (0, 0)


def _households() -> dict[str, int]:
    """Households in 2020, as CBS's own file has them."""
    path = Path(__file__).parents[2] / "services/samples/data/gemeenten_2020_kerncijfers_wbk.csv"
    frame = pl.read_csv(path).filter(pl.col("GM_CODE").str.to_lowercase().is_in(MUNICIPALITIES))
    return {code: int(number) for code, number in frame.select("GM_CODE", "Aantal huishoudens").iter_rows()}


def test_without_one_municipality_the_province_is_missing_and_says_why(at_stage: AtStage) -> None:
    root = at_stage("closed")
    for town in MUNICIPALITIES[:2]:
        tasks.month(root, town, ["2025-12"], AFTER)
    _, made = tasks.benchmark(root)
    assert made.regions_incomplete == [("2025", PROVINCE, "evictions_per_1000_households")]
    found = regional(root)
    assert (found["status"], found["numerator"]) == ("missing", None)
    assert found["reason"] == "a municipality's share has not come"


def forge(root: Path, sender_id: str, **changes: object) -> None:
    """Let a municipality send a share that it did not make by the rules."""
    network = Network.open(root)
    with open_sender(network, sender_id) as sender, network.broker("hub") as broker:
        row = {
            "period": "2025",
            "period_kind": "year",
            "region": PROVINCE,
            "indicator": "evictions_per_1000_households",
            "definition_version": 1,
            "members": members_digest(MUNICIPALITIES),
            "member_count": len(MUNICIPALITIES),
            "share_events": 5,
            "share_units": 5,
            "share_key": 5,
            "coverage": 1.0,
            "release_id": "0123456789abcdef",
        } | changes
        digest = hashlib.sha256(repr(row).encode()).digest()
        frame = pl.DataFrame([row]).with_columns(pl.lit(digest[:16]).alias("event_id"))
        kind = sender.registry.get("regional_share")
        enqueue(sender, kind, "hub", encode_rows(kind, frame), delivery_id=digest[16:], position=(digest, 1), last=True)
        sender.push(broker)


def _answering(root: Path, target: dict[str, int]) -> dict[str, int]:
    """Shares by which the last municipality makes the sums what it likes, when it knows the others'."""
    others = events(root, "hub", "regional_share").filter(pl.col("sent_by") != MUNICIPALITIES[2])
    return {name: (value - sum_of_shares(others[name])) % MODULUS for name, value in target.items()}


@pytest.mark.parametrize(
    "sums",
    [{"share_events": 3, "share_units": 7}, {"share_events": 2**61, "share_units": 2**60}],
    ids=["more households than events", "more households than live there"],
)
def test_shares_that_do_not_add_up_are_an_error_that_names_them_and_stop_nothing_else(
    sums: dict[str, int], at_stage: AtStage
) -> None:
    root = at_stage("closed")
    for town in MUNICIPALITIES[:2]:
        tasks.month(root, town, ["2025-12"], AFTER)
    tasks.benchmark(root)
    forge(root, MUNICIPALITIES[2], **_answering(root, sums))
    done = run("month", "2025-12", "-p", MUNICIPALITIES[0], "--home", root)
    assert done.code == 5
    assert f"evictions_per_1000_households of {PROVINCE} in 2025 was not released" in done.err
    assert "do not add up" in done.err
    assert "Traceback" not in done.out + done.err
    found = regional(root)
    assert (found["status"], found["reason"]) == ("missing", "the municipalities' shares do not add up")
    assert published(root, "hub")["network.cells"].filter(area=TOWN, status="published").height > 0


def test_shares_of_what_is_no_sum_change_nothing(year: Path) -> None:
    tasks.benchmark(year)
    before = published(year, "hub")
    forge(year, MUNICIPALITIES[2], members="0" * 64)
    forge(year, MUNICIPALITIES[2], indicator="no_such_indicator")
    forge(year, MUNICIPALITIES[2], indicator="reached_share")
    forge(year, MUNICIPALITIES[2], definition_version=7)
    forge(year, MUNICIPALITIES[2], region="pv20")
    received, made = tasks.benchmark(year)
    assert received.verdicts == Counter(accepted=5)
    assert (made.regions_incomplete, made.regions_refused) == ([], [])
    for name, frame in published(year, "hub").items():
        assert frame.equals(before[name]), name


def test_a_municipality_cannot_report_figures_of_another(at_stage: AtStage) -> None:
    root = at_stage("closed")
    network = Network.open(root)
    table = load_table(open_node(network, "hub").catalog, "events.indicator_observation")
    assert table is not None
    theirs = scan(table).filter(pl.col("sent_by") == MUNICIPALITIES[1], pl.col("status") == "published").collect()
    names = [field["name"] for field in network.registry.get("indicator_observation").schema["fields"]]
    ids = [hashlib.sha256(event_id).digest()[:16] for event_id in theirs["event_id"]]
    forged = theirs.select(names).with_columns(pl.col("numerator") + 500, pl.Series("event_id", ids))
    with open_sender(network, TOWN) as sender, network.broker("hub") as broker:
        kind = sender.registry.get("indicator_observation")
        enqueue(
            sender, kind, "hub", encode_rows(kind, forged), delivery_id=bytes(16), position=(bytes(32), 1), last=True
        )
        sender.push(broker)
    before = published(root, "hub")
    received, _ = tasks.benchmark(root)
    assert received.rules == Counter(own_area_only=forged.height)
    assert published(root, "hub")["network.cells"].equals(before["network.cells"])


def test_partners_learn_by_receipt_what_became_of_their_deliveries(at_stage: AtStage) -> None:
    root = at_stage("received")
    for partner in PARTNERS:
        tasks.receive(root, partner)
        receipts = events(root, partner, "receipt")
        assert receipts["accepted"].sum() == sum(
            events(root, town, name).filter(sent_by=partner).height
            for town in MUNICIPALITIES
            for name in ("payment_arrears", "supply_stop_notice", "eviction_notice")
        )
        assert receipts.select("held", "duplicate").sum().row(0) == (0, 0)
