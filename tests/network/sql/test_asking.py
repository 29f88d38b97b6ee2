"""Asking Trino by way of `spiegelnet sql`, and what is told when it cannot be asked."""

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.certificates import ensure_certificates
from services.cli.app import app
from services.errors import Fatal, NotAllowed, Rejected, Retryable
from services.federation.trino_client import TrinoUser, query
from services.home import Home
from tests.network.sql.site import ANA, PASSWORDS, Site

FIGURES = "SELECT municipality, period FROM gm0664.published.cells WHERE district IS NULL"


def sql(site: Site, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["sql", "--home", str(site.home.root), *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_a_home_with_servers_asks_trino_and_either_engine_can_be_named(site: Site) -> None:
    by_itself = json.loads(sql(site, "--json", "SHOW CATALOGS"))
    assert {"Catalog": "gm0664"} in by_itself
    on_trino = json.loads(sql(site, "--json", "--engine", "trino", FIGURES))
    on_duckdb = json.loads(sql(site, "--json", "--engine", "duckdb", FIGURES))
    assert sorted(map(str, on_trino)) == sorted(map(str, on_duckdb))


def test_a_mirror_says_the_same_whichever_engine_answers(site: Site, tmp_path: Path) -> None:
    pages = [tmp_path / f"{engine}.html" for engine in ("trino", "duckdb")]
    for page in pages:
        words = ["mirror", "gm0664", "--out", str(page), "--engine", page.stem, "--home", str(site.home.root)]
        assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    one, two = (page.read_text("utf-8") for page in pages)
    assert one == two
    assert one.count('<section class="indicator"') > 5


def test_a_participant_and_an_analyst_ask_as_themselves(site: Site, tmp_path: Path) -> None:
    own = list(csv.DictReader(io.StringIO(sql(site, "--csv", "--as", "gm0664", FIGURES))))
    secret = tmp_path / "password"
    secret.write_text(PASSWORDS[ANA] + "\n")
    others = list(csv.DictReader(io.StringIO(sql(site, "--csv", "--as", ANA, "--password-file", str(secret), FIGURES))))
    assert len(own) > len(others) > 0, "its own rows under embargo"


def test_other_certificates_in_the_environment_do_not_mislead(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "/no/such/file.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert query(site.user(ANA), "SELECT 1 AS x")["x"].to_pylist() == [1]


def test_each_way_of_not_being_answered_is_told_apart(site: Site, tmp_path: Path) -> None:
    user = site.user(ANA)
    with pytest.raises(NotAllowed, match="does not let"):
        query(site.user(ANA, "another password"), "SELECT 1")
    other = Home(tmp_path)
    ensure_certificates(other)
    with pytest.raises(Fatal, match="not the one of this network"):
        query(TrinoUser(user.server, user.name, user.password, other.ca, attempts=1), "SELECT 1")
    with pytest.raises(Fatal, match="certificate is not at"):
        query(TrinoUser(user.server, user.name, user.password, tmp_path / "none.pem"), "SELECT 1")
    with pytest.raises(Retryable, match="does not answer"):
        query(TrinoUser("localhost:1", user.name, user.password, user.ca, attempts=1), "SELECT 1")


def test_an_answer_that_is_too_large_is_refused_rather_than_cut(site: Site) -> None:
    with pytest.raises(Rejected, match="larger than 100 rows"):
        query(site.user(ANA), "SELECT * FROM TABLE(sequence(1, 101))", most_rows=100)
    assert query(site.user(ANA), "SELECT * FROM TABLE(sequence(1, 100))", most_rows=100).num_rows == 100
    with pytest.raises(Rejected, match="1 MB"):
        query(site.user(ANA), "SELECT repeat('x', 10000) FROM TABLE(sequence(1, 200))", most_bytes=1_000_000)


@pytest.mark.parametrize(
    ("mistake", "hint"),
    [
        ("SELECT * FROM hub.benchmark.figure", "hub.benchmark.figures"),
        ("SELECT municpality FROM hub.benchmark.figures", "municipality"),
        ("SELECT * FROM gm064.published.cells", "gm0664"),
        ("SELECT value FRM hub.benchmark.figures WHERE", "Correct"),
        ("SELECT nofunction(1)", "SHOW FUNCTIONS"),
        ("SELECT CAST(municipality AS integer) FROM hub.benchmark.figures", "TRY_CAST"),
        ("SELECT period, count(*) FROM hub.benchmark.figures", "GROUP BY"),
        ('SELECT * FROM gm0664.published."cells$files"', "SHOW TABLES"),
    ],
)
def test_a_mistake_is_told_with_a_way_on_and_without_a_value(site: Site, mistake: str, hint: str) -> None:
    with pytest.raises((Rejected, NotAllowed)) as caught:
        query(site.user(ANA), mistake)
    assert hint in caught.value.todo
    assert "gm06" not in caught.value.what + caught.value.why.replace("gm0664.published", "") or "gm064" in mistake
