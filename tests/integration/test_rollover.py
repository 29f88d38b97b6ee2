"""An epoch change: households that were sent in two years are still one, and what is looked for before is found."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from services import tasks
from services.basis import closed_months, closes_table
from services.errors import Fatal, NotAllowed, Retryable
from services.home import Home
from services.keyservice import InProcessKeyService
from services.network import Network
from services.private_sql.surface import open_private
from services.receiving.collecting import open_node
from services.retention import remove_expired
from services.sending.sender import open_sender
from tests.command import run
from tests.epochs import (
    ENERGY,
    LAST_YEAR,
    RENT,
    THIS_YEAR,
    TOWN,
    counted,
    on,
    receive,
    send_january,
    send_over_new_year,
    signals,
)
from tests.network_state import events, intake, published
from tests.small_network import AFTER, BACK, SENDERS, write

pytestmark = pytest.mark.xdist_group("network")

PERIODS = ["2025-12", "2026-01"]


def pairs(root: Path) -> pl.DataFrame:
    return events(root, TOWN, "pseudonym_rollover")


def test_look_backs_and_households_survive_new_year_and_would_not_without_the_pairs(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("empty")
    send_over_new_year(root)
    report = send_january(root)
    assert report.rolled is not None
    assert dict(report.rolled.addresses) == {TOWN: 30}
    receive(root)
    assert pairs(root).select("sent_by", "old_epoch", "new_epoch").unique().rows() == [(RENT, "2025", "2026")]
    told, apart = counted(root, PERIODS), counted(root, PERIODS, joined=False)
    # rent of houses 1 to 30 and energy of 21 to 40 in December; of 1 to 12 and 30 to 45 in January
    assert told("households_with_signal_share", "2025-12")[0] == 40
    assert told("multiple_signals_share", "2025-12")[0] == len(range(21, 31))
    assert told("consecutive_signals_share", "2026-01")[0] == len(range(1, 13)) + len(range(30, 41))
    assert apart("households_with_signal_share", "2025-12")[0] == 50
    assert apart("multiple_signals_share", "2025-12")[0] == 0
    assert apart("consecutive_signals_share", "2026-01")[0] == len(range(30, 41)), "only those of who sent in one year"


@pytest.mark.parametrize("rolled", [True, False])
def test_what_a_town_releases_rests_on_the_pairs(rolled: bool, at_stage: Callable[[str], Path]) -> None:  # noqa: FBT001
    root = at_stage("received")
    december = ["2025-12"]
    tasks.send(root, RENT, [signals(root, "rent", "2025-12", range(1, 81))], december, clock=LAST_YEAR)
    tasks.send(root, ENERGY, [signals(root, "energy", "2025-12", range(41, 101))], december, clock=THIS_YEAR)
    for other in {*SENDERS} - {RENT, ENERGY}:
        tasks.send(root, other, [], december, clock=LAST_YEAR)
    if rolled:
        tasks.rollover(root, RENT, clock=THIS_YEAR)
    receive(root)
    tasks.month(root, TOWN, [*BACK, "2025-12"], AFTER)
    cells = published(root, TOWN)["published.cells"].filter(
        pl.col("district").is_null(), indicator="multiple_signals_share", period="2025-12"
    )
    told = cells.row(0, named=True)
    if rolled:
        assert told["status"] == "published"
        assert abs(told["numerator"] - 40) <= 4 + 2.5, "40 households, noise and rounding"
        assert abs(told["denominator"] - 100) <= 4 + 2.5
    else:
        assert (told["status"], told["numerator"]) == ("suppressed", None)


def test_an_analyst_of_the_town_sees_one_household_too(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    send_over_new_year(root)
    send_january(root)
    receive(root)
    connection = open_private(Network.open(root), TOWN)
    query = f'SELECT count(DISTINCT household), count(*) FROM "{TOWN}".private.payment_arrears'
    assert connection.execute(query).fetchall() == [(45, 30 + 20 + 12 + 16)]
    shown = connection.execute(f'SELECT * FROM "{TOWN}".private.pseudonym_rollover').description
    assert [name for name, *_ in shown] == ["event", "old_epoch", "new_epoch", "sent_by", "received_on", "epoch"]
    connection.close()


def test_the_noise_of_a_household_stays_the_same(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    tasks.send(root, RENT, [signals(root, "rent", "2025-12", range(1, 31))], clock=LAST_YEAR)
    receive(root)
    before = counted(root, PERIODS)("rent_arrears_per_1000_households", "2025-12")
    tasks.send(root, RENT, [signals(root, "rent", "2026-01", range(1, 31))], clock=THIS_YEAR)
    receive(root)
    after = counted(root, PERIODS)
    assert after("rent_arrears_per_1000_households", "2025-12") == before
    assert after("rent_arrears_per_1000_households", "2026-01") == before, "the same households, the same key"
    apart = counted(root, PERIODS, joined=False)
    assert apart("rent_arrears_per_1000_households", "2026-01")[1] != before[1]


def test_a_year_without_a_rollover_is_made_up_for_by_the_next(at_stage: Callable[[str], Path]) -> None:
    """Addresses of two earlier epochs meet in the newest; those last used more than 13 months ago stay as they were."""
    root = at_stage("empty")
    for year, month, houses in ((2024, 10, range(50, 55)), (2024, 12, range(1, 6)), (2025, 6, range(4, 10))):
        path = signals(root, "rent", f"{year}-{month:02d}", houses)
        with open_sender(Network.open(root, on(year, month, 28)), RENT) as sender:
            tasks.deliver_file(sender, path)
    report, _ = tasks.rollover(root, RENT, clock=on(2026, 1, 3))
    assert report.addresses == {TOWN: 5 + 6}
    receive(root)
    steps = pairs(root).group_by("old_epoch", "new_epoch").len().sort("old_epoch").rows()
    assert steps == [("2024", "2026", 5), ("2025", "2026", 6)]
    assert pairs(root)["new_address"].n_unique() == 9
    assert intake(root, TOWN).filter(event_type="pseudonym_rollover")["verdict"].unique().to_list() == ["accepted"]


def test_a_chain_over_three_years_leads_to_one_household(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    for year in (2024, 2025, 2026):
        path = signals(root, "rent", f"{year}-06", range(1, 13))
        tasks.send(root, RENT, [path], clock=on(year, 7, 1))
    receive(root)
    assert pairs(root).height == 24
    told = counted(root, ["2024-06", "2025-06", "2026-06"])
    cells = [told("rent_arrears_per_1000_households", f"{year}-06") for year in (2024, 2025, 2026)]
    assert len(set(cells)) == 1


@pytest.mark.parametrize("step", ["enqueue", "enqueued", "carry", "append", "appended"])
def test_a_rollover_that_was_ended_anywhere_goes_on_and_each_pair_comes_once(
    step: str, at_stage: Callable[[str], Path]
) -> None:
    root = at_stage("empty")
    send_over_new_year(root)

    def stop(name: str) -> None:
        if name == step:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        tasks.rollover(root, RENT, clock=THIS_YEAR, at=stop)
    tasks.rollover(root, RENT, clock=THIS_YEAR)
    again, _ = tasks.rollover(root, RENT, clock=THIS_YEAR)
    assert (again.addresses.total(), again.parcels) == (0, 0)
    receive(root)
    arrived = intake(root, TOWN).filter(event_type="pseudonym_rollover")
    assert arrived["verdict"].to_list() == ["accepted"] * 30


def test_nothing_goes_in_a_new_epoch_while_a_key_service_is_away(
    at_stage: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = at_stage("empty")
    send_over_new_year(root)
    receive(root)

    def away(*_: object) -> bytes:
        raise Retryable("A key service is away.")

    with monkeypatch.context() as patch:
        patch.setattr(InProcessKeyService, "evaluate", away)
        waits = send_january(root)
    assert (waits.files, waits.rolled, len(waits.postponed), waits.parcels) == ([], None, 1, 0)
    assert send_january(root).events == {"payment_arrears": 12}
    receive(root)
    assert pairs(root).height == 30


def test_pairs_that_come_after_a_close_count_from_the_next_close_on(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("received")
    send_over_new_year(root)
    receive(root)
    tasks.month(root, TOWN, ["2025-10", "2025-11", "2025-12"], AFTER)
    send_january(root)
    receive(root)
    tasks.month(root, TOWN, ["2026-01"], AFTER.replace(month=2))
    closes = closed_months(closes_table(open_node(Network.open(root), TOWN).catalog))
    first, second = (json.loads(closes[month][0]) for month in PERIODS)
    assert counted(root, PERIODS, kept=first)("multiple_signals_share", "2025-12")[0] == 0
    assert counted(root, PERIODS, kept=second)("multiple_signals_share", "2025-12")[0] == len(range(21, 31))


def test_a_receiver_that_went_back_to_a_copy_gets_the_pairs_again(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    send_over_new_year(root)
    send_january(root)
    receive(root)
    again = tasks.send(root, RENT, [], again_to=TOWN, clock=THIS_YEAR)
    assert again.rolled is not None
    assert again.rolled.addresses == {TOWN: 30}
    receive(root)
    verdicts = intake(root, TOWN).filter(event_type="pseudonym_rollover")["verdict"]
    assert sorted(verdicts) == ["accepted"] * 30 + ["duplicate"] * 30


def test_addresses_of_a_lost_outbox_are_supposed_to_have_been_sent_before(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    send_over_new_year(root)
    receive(root)
    home = Home(root).participant(RENT)
    for path in (home.outbox, home.journal):
        path.unlink()
    files = [signals(root, "rent", "2025-12", range(1, 31)), signals(root, "rent", "2026-01", range(1, 13))]
    tasks.send(root, RENT, files, clock=THIS_YEAR)
    with pytest.raises(Fatal, match="not an epoch before 2026"):
        tasks.rollover(root, RENT, since="2026", clock=THIS_YEAR)
    report, _ = tasks.rollover(root, RENT, since="2025", clock=THIS_YEAR)
    assert report.addresses == {TOWN: 30}
    receive(root)
    assert counted(root, PERIODS)("multiple_signals_share", "2025-12")[0] == len(range(21, 31))


def test_upkeep_keeps_the_pseudonyms_that_a_rollover_needs_and_forgets_what_is_too_old(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("empty")
    send_over_new_year(root)
    network = Network.open(root)
    asked: list[str] = []
    real = InProcessKeyService.evaluate

    def note(self: InProcessKeyService, receiver: str, epoch: str, blinded: list[bytes]) -> bytes:
        asked.append(epoch)
        return real(self, receiver, epoch, blinded)

    node = open_node(network, RENT)
    assert remove_expired(network, RENT, node, on(2026, 1, 4)().date()).pseudonyms == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InProcessKeyService, "evaluate", note)
        tasks.rollover(root, RENT, clock=THIS_YEAR)
    assert set(asked) == {"2026"}, "those of the year before were still known"
    removed = remove_expired(network, RENT, node, on(2026, 1, 6)().date())
    assert (removed.pseudonyms > 0, removed.used) == (True, 0)
    assert remove_expired(network, RENT, node, on(2027, 1, 31)().date()).used == 0
    assert remove_expired(network, RENT, node, on(2027, 2, 1)().date()).used == 1
    assert tasks.rollover(root, RENT, clock=on(2027, 2, 1))[0].addresses.total() == 0


def test_a_directory_that_does_not_know_of_rollovers_stops_the_first_send_and_says_what_to_do(
    at_stage: Callable[[str], Path],
) -> None:
    root = at_stage("empty")
    send_over_new_year(root)
    path = Home(root).directory
    write(path, path.read_bytes().replace(b'"pseudonym_rollover"', b'"payment_arrears"'))
    with pytest.raises(NotAllowed, match="spiegelnet init"):
        send_january(root)


def test_the_command_tells_how_many_addresses_and_then_that_nothing_is_due(at_stage: Callable[[str], Path]) -> None:
    root = at_stage("empty")
    year = Network.open(root).today().year
    path = signals(root, "energy", "2025-11", range(1, 13))
    tasks.send(root, ENERGY, [path], clock=on(year - 1, 12, 20))
    done = run("rollover", ENERGY, "--json", "--home", root)
    assert done.code == 0, done.err
    assert json.loads(done.out) == [{"participant": ENERGY, "epoch": str(year), "addresses": {TOWN: 12}, "parcels": 1}]
    assert "Nothing is due" in run("rollover", ENERGY, "--home", root).out
    refused = run("rollover", ENERGY, "--since", "next", "--home", root)
    assert (refused.code != 0, "not an epoch before" in refused.err) == (True, True)
