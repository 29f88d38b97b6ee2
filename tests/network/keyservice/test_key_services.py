"""Key services as processes: the same pseudonyms, strangers refused, away for a day and back, and their quota."""

import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infra.certificates import ensure_certificates
from infra.key_services import servers
from services import tasks
from services.access import Access
from services.config import load_settings
from services.errors import Fatal, NotAllowed, Rejected, Retryable
from services.home import Home
from services.keyservice import callers
from services.network import Network
from services.privacy import oprf
from services.runs import RunRecord
from tests.command import run
from tests.network.keyservice.conftest import Services
from tests.network_state import events, intake, receiver_state
from tests.small_network import BACK, MUNICIPALITIES, PARTNERS, Stages, copied, write_sources

AtServices = Callable[..., Services]
TOWN = MUNICIPALITIES[0]


def send_all(root: Path, stages: Stages, participants: Any) -> list[tasks.SendReport]:
    return [tasks.send(root, item, stages.paths(root, item), BACK) for item in participants]


def test_pseudonyms_are_the_same_as_in_process(at_services: AtServices, stages: Stages, tmp_path: Path) -> None:
    here, there = copied(stages.made, tmp_path / "in-process"), at_services()
    there.start()
    for root in (here, there.root):
        reports = send_all(root, stages, PARTNERS)
        assert not [report.postponed for report in reports if report.postponed]
        tasks.receive(root, TOWN)
    for name in ("payment_arrears", "supply_stop_notice", "eviction_notice"):
        one, two = (events(root, TOWN, name)["address"] for root in (here, there.root))
        assert one.len() > 0
        assert set(one) == set(two)
    assert receiver_state(here, TOWN).keys() == receiver_state(there.root, TOWN).keys()


def test_each_process_knows_one_seed_and_tells_of_no_element(at_services: AtServices) -> None:
    services = at_services()
    services.start()
    batch = oprf.blind([b"household"])
    services.client().evaluate(TOWN, "2025", batch.blinded)
    for server, own, other in zip(services.pair, "ab", "ba", strict=True):
        assert f"{own}.seed" in " ".join(server.command)
        assert f"{other}.seed" not in " ".join(server.command)
    log = services.pair[0].log.read_text("utf-8")
    assert '"caller": "es-stroom"' in log
    secrets = [Access.load(services.home.participant("es-stroom").access).key_service, batch.blinded[0].hex()]
    assert not any(secret in log for secret in secrets)


def test_it_speaks_tls_1_3_only_and_shows_the_certificate_of_the_home(at_services: AtServices) -> None:
    services = at_services()
    services.start()
    port = services.pair[0].port
    trust = ssl.create_default_context(cafile=str(services.home.ca))
    with (
        socket.create_connection(("localhost", port)) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        assert tls.version() == "TLSv1.3"
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("localhost", port)) as plain,
        pytest.raises(ssl.SSLError),
        trust.wrap_socket(plain, server_hostname="localhost"),
    ):
        pass


def test_a_wrong_token_is_not_allowed_and_nothing_is_sent(at_services: AtServices, stages: Stages) -> None:
    services = at_services()
    services.start()
    path = services.home.participant("es-stroom").access
    good = Access.load(path)
    Access.generate("es-stroom").save(path)
    with pytest.raises(NotAllowed, match="does not know this participant"):
        send_all(services.root, stages, ["es-stroom"])
    good.save(path)
    (report,) = send_all(services.root, stages, ["es-stroom"])
    assert report.events.total() > 0
    callers.remove(services.home, ["es-stroom"])
    with pytest.raises(NotAllowed):
        services.client().public_key(TOWN, "2025")


def test_whoever_else_answers_is_not_believed(at_services: AtServices, tmp_path: Path) -> None:
    services = at_services()
    services.start()
    stranger = Home(tmp_path / "stranger")
    stranger.servers.mkdir(parents=True)
    ensure_certificates(stranger)
    services.home.ca.write_bytes(stranger.ca.read_bytes())
    with pytest.raises(Fatal, match="is not key service ks-a"):
        services.client().public_key(TOWN, "2025")


def test_the_other_service_is_not_taken_for_this_one(at_services: AtServices) -> None:
    services = at_services()
    services.start()
    text = (services.root / "spiegelnet.toml").read_text("utf-8")
    a, b = (server.port for server in services.pair)
    crossed = re.sub(rf"{a}|{b}", lambda found: str(b if found[0] == str(a) else a), text)
    (services.root / "spiegelnet.toml").write_text(crossed, "utf-8")
    with pytest.raises(Fatal, match="is not key service ks-a"):
        services.client().health()
    with pytest.raises(NotAllowed):  # its token is for the other one
        services.client().public_key(TOWN, "2025")


def test_a_refused_batch_is_rejected(at_services: AtServices) -> None:
    services = at_services()
    services.start()
    with pytest.raises(Rejected):
        services.client().evaluate(TOWN, "2025", [b"\xff" * 32])
    with pytest.raises(Rejected):
        services.client().public_key("NO SUCH", "2025")


def test_away_for_a_day_known_addresses_go_on_and_new_ones_wait_without_loss(
    at_services: AtServices, stages: Stages
) -> None:
    services = at_services()
    services.start()
    first = send_all(services.root, stages, PARTNERS)
    services.stop()
    assert services.running() == [False, False]
    # December's exports: of some sources all addresses are known by now, others have new ones
    files = write_sources(services.home, ("2025-12",))
    repeated = _same_addresses(stages.paths(services.root, "wc-water")[0])
    report = tasks.send(services.root, "wc-water", [repeated, *files["wc-water"]], ("2025-12",))
    assert [item.file for item in report.files] == [repeated.name]
    assert report.files[0].events.total() > 0
    assert report.parcels > 0
    assert (len(report.postponed), report.statements) == (1, 0)
    assert "does not answer" in report.postponed[0].what
    done = run("send", "wc-water", *files["wc-water"], "--home", services.root)
    assert (done.code, "Run the same command again" in done.err) == (Retryable.exit_code, True)
    # intake goes on
    received = tasks.receive(services.root, TOWN)
    assert received.verdicts["accepted"] > 0
    services.start()
    again = tasks.send(services.root, "wc-water", [repeated, *files["wc-water"]], ("2025-12",))
    assert not again.postponed
    assert again.statements > 0
    sent = first[list(PARTNERS).index("wc-water")].events + report.events + again.events
    for town in MUNICIPALITIES:
        tasks.receive(services.root, town)
    stored = pl.concat([intake(services.root, town) for town in MUNICIPALITIES])
    arrived = stored.filter(pl.col("sender") == "wc-water", pl.col("event_type") == "payment_arrears")
    assert arrived.height == sent["payment_arrears"]
    assert arrived.select("sender", "event_id").is_unique().all()


def _same_addresses(path: Path) -> Path:
    """Write an export of the same addresses with other numbers: further signals of households that are known."""
    text = path.read_text("cp1252")
    header, *lines = text.splitlines()
    column = header.split(";").index(next(name for name in header.split(";") if "ummer" in name.lower()))
    changed = [
        ";".join(f"9{cell}" if at == column else cell for at, cell in enumerate(line.split(";"))) for line in lines
    ]
    target = path.with_name(path.name.replace(".csv", "_again.csv"))
    target.write_text("\r\n".join([header, *changed]) + "\r\n", "cp1252")
    return target


def test_a_service_that_ends_while_it_is_asked_leaves_what_was_made(at_services: AtServices) -> None:
    services = at_services()
    services.start()
    client = services.client()
    client.public_key(TOWN, "2025")
    services.stop()
    services.start()  # the connection that was kept has ended: a second try makes a new one
    client.evaluate(TOWN, "2025", oprf.blind([b"household"]).blinded)
    services.stop()
    with pytest.raises(Retryable, match="does not answer"):
        client.evaluate(TOWN, "2025", oprf.blind([b"household"]).blinded)
    services.start()
    with pytest.raises(Retryable):  # this run has given it up; the next one asks again
        client.public_key("gm0687", "2025")
    assert services.client().public_key(TOWN, "2025")


def test_a_quota_lets_a_sender_wait_and_go_on_where_it_was(at_services: AtServices, stages: Stages) -> None:
    services = at_services(settings="burst = 10000\nper_hour = 1\n")
    services.start()
    client = services.client()
    client.public_key(TOWN, "2025")
    client.evaluate(TOWN, "2025", oprf.blind([b"%d" % number for number in range(9_950)]).blinded)
    (report,) = send_all(services.root, stages, ["es-stroom"])
    (reason,) = {each.what for each in report.postponed}
    assert "quota" in reason
    asked = RunRecord(services.home.participant("es-stroom").runs).asked()
    assert asked.requests["ks-a", "retryable"] == 1
    services.stop()
    services.start()  # with a full bucket
    (again,) = send_all(services.root, stages, ["es-stroom"])
    assert not again.postponed
    assert again.events.total() > 0


def test_only_services_of_this_machine_are_started_and_both_need_an_address(tmp_path: Path, stages: Stages) -> None:
    root = copied(stages.empty, tmp_path / "home")
    assert servers(Home(root), load_settings(root)) == []
    config = root / "spiegelnet.toml"
    config.write_text('[key_services]\na = "keys.example.org:443"\nb = "localhost:18182"\n', "utf-8")
    assert [server.name for server in servers(Home(root), load_settings(root))] == ["key-service-b"]
    config.write_text('[key_services]\na = "localhost:18181"\n', "utf-8")
    with pytest.raises(Fatal, match="Only one"):
        servers(Home(root), load_settings(root))


def test_what_needs_no_new_pseudonym_needs_no_key_service_and_no_token(at_services: AtServices) -> None:
    services = at_services("received")
    services.home.participant(TOWN).access.unlink()
    assert tasks.month(services.root, TOWN, BACK, Network.open(services.root).today()).periods
    assert tasks.receive(services.root, TOWN).participant == TOWN
