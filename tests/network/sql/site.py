"""The small network behind Trino: published tables with rows under embargo, and everybody who may or may not ask."""

import datetime as dt
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import Any

import polars as pl
from pyiceberg.catalog.sql import SqlCatalog
from requests import Response, Session
from requests.adapters import HTTPAdapter
from trino.auth import BasicAuthentication
from trino.dbapi import connect
from trino.exceptions import HttpError, TrinoQueryError

from services.access import Access
from services.config import Broker, load_settings
from services.federation.access import ANALYST
from services.federation.trino_client import TrinoUser
from services.federation.trino_files import TrinoFiles
from services.home import Home
from services.network import Network
from services.node import add_everybody
from services.published import published_schemas, published_table
from services.sql_nodes import operator_of
from services.store.snapshots import scan
from services.store.tables import ensure_table, load_table, replace_rows
from services.store.warehouse import open_warehouse
from services.stories.published import TABLE_OF_HUB, TABLE_OF_NODE
from tests.small_network import MUNICIPALITIES

ANA = "ana.lyst"
PASSWORDS = {ANA: "ana asks a lot of questions", "heavy.user": "heavy asks for far too much"}
CLOSED = dt.date(9999, 12, 31)
UNDER_EMBARGO = "2098-12"
NEVER = "2099-12"
"""A period of which no day is known from which others may see it."""
DAY = dt.datetime.now(dt.UTC).date()
FIRST_DAY, EVE = "2097-01", "2097-02"
"""Periods of which others see the rows from today on, and from tomorrow on."""
SECRET = 9_315
"""Number in every row under embargo; nothing else is that large."""
SECRETS = ("numerator", "received", "rank", "municipalities", "conclusion", "action")
"""Columns that hold it, in those tables that have them."""
EMBARGO_DAYS = 0
EARLIER_NODE = "gm0687"
"""Its tables were there before rows of different days were in different files."""
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Site:
    """A network behind Trino."""

    network: Network

    @property
    def home(self) -> Home:
        return self.network.home

    @property
    def files(self) -> TrinoFiles:
        return TrinoFiles.of(self.home)

    def user(self, name: str, password: str | None = None) -> TrinoUser:
        """Return a user by name; with another password when one is given."""
        operator = operator_of(self.network)
        if password is None and name == operator.name:
            return operator
        if password is None and name in self.network.directory.participants:
            password = Access.load(self.home.participant(name).access).sql
        return TrinoUser(operator.server, name, password or PASSWORDS.get(name, "no such password"), self.home.ca)

    def connection(self, login: TrinoUser, **more: Any) -> Any:
        """Return a connection of the plain client."""
        session = Session()
        session.trust_env, session.verify = False, str(login.ca)
        session.mount("https://", _lines())
        host, _, port = login.server.rpartition(":")
        auth = BasicAuthentication(login.name, login.password)
        known = {"user": login.name, "http_scheme": "https", "auth": auth, "http_session": session, "encoding": None}
        return connect(host=host, port=int(port), **{**known, **more})

    def rows(self, name: str, statement: str, **more: Any) -> list[list[Any]]:
        """Return the rows of an answer."""
        return list(self.connection(self.user(name), **more).cursor().execute(statement).fetchall())

    def outcome(self, name: str, statement: str, **more: Any) -> str:
        """Return `allowed`, or the name of the error."""
        try:
            self.rows(name, statement, **more)
        except TrinoQueryError as error:
            return str(error.error_name)
        except HttpError as error:
            return str(error)
        return "allowed"

    def request(self, name: str, method: str, path: str, **more: Any) -> Response:
        """Ask the server without the client."""
        user, session = self.user(name), Session()
        session.trust_env = False
        return session.request(
            method,
            f"https://{user.server}{path}",
            auth=(user.name, user.password),
            verify=str(user.ca),
            timeout=30,
            allow_redirects=False,
            **more,
        )

    def warehouse(self, participant: str) -> SqlCatalog:
        """Open what a participant published."""
        root = self.home.participant(participant).root
        return open_warehouse(root, "published", self.network.database(participant))

    def replace(self, participant: str, table: str, rows: pl.DataFrame) -> None:
        """Put rows in the place of all that a published table holds."""
        schema = published_schemas(participant)[table]
        replace_rows(published_table(self.warehouse(participant), table, schema, EMBARGO_DAYS), rows, {})

    def replace_as_before(self, participant: str, table: str, rows: pl.DataFrame) -> None:
        """Put rows into a table made as earlier versions made it, with all days in one file; and then as it is now."""
        catalog, schema = self.warehouse(participant), published_schemas(participant)[table]
        catalog.drop_table(table)
        folder = self.home.participant(participant).root / "published" / Path(*table.split("."))
        shutil.rmtree(folder)  # a table of which there are files, and no entry, would be taken for a forgotten one
        earlier = ensure_table(catalog, table, schema)
        for part in (rows.head(1), rows):
            replace_rows(earlier, part, {})
        published_table(catalog, table, schema, EMBARGO_DAYS)


_KEPT = local()


def _lines() -> HTTPAdapter:
    """Return this thread's lines to servers: a new one takes as long as a refusal. Each request says anew who asks."""
    lines: HTTPAdapter = vars(_KEPT).setdefault("lines", HTTPAdapter())
    return lines


def until(passes: Callable[[], bool]) -> None:
    """Wait until something is so: Trino looks at its files each second."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not passes():
        assert time.monotonic() < deadline, "it never was so"
        time.sleep(0.1)


def open_site(home: Home) -> Site:
    """Return the site of a home whose PostgreSQL and Trino run; Kafka is not asked for."""
    settings = load_settings(home.root)
    return Site(Network(home, settings.model_copy(update={"broker": Broker()})))


def fill(site: Site, closed: Path) -> None:
    """Make everybody known, and publish what a closed network on one machine has, with more rows under embargo."""
    add_everybody(site.network)
    source = Network.open(closed)
    for participant in (*MUNICIPALITIES, "hub"):
        catalog = open_warehouse(source.home.participant(participant).root, "published")
        for name, schema in published_schemas(participant).items():
            table = load_table(catalog, name)
            rows = scan(table).collect() if table else pl.DataFrame(schema.empty_table())
            if name in (TABLE_OF_NODE, TABLE_OF_HUB):
                rows = quotes(rows.schema)
            put = site.replace_as_before if participant == EARLIER_NODE else site.replace
            put(participant, name, with_embargo(rows))
    for participant in ("gm0664", "hub"):
        site.warehouse(participant).create_namespace_if_not_exists("vacant")
    site.files.users.add_many(ANALYST, PASSWORDS)
    question = "SELECT count(*) FROM hub.network.region_pv29"
    until(lambda: all(site.outcome(name, question) == "allowed" for name in (*PASSWORDS, *MUNICIPALITIES)))


def quotes(schema: pl.Schema) -> pl.DataFrame:
    """Return two quotes as they are published: one with all that a quote may have, one with as little as it may."""
    full = {
        "municipality": "gm0664",
        "quote": "3fa9c210",
        "theme": "debt_counselling",
        "approach": "childrens_fund",
        "indicators": ["counselling_per_1000", "reached_share"],
        "role": "resident",
        "period": "2025-Q4",
        "title": 'De brief, en "het loket"',
        "words": "Iemand vertelt dat één brief genoeg was: 'eindelijk'.",
        "effects": ["unwanted:family", "wanted:teller"],
        "uses": ["publish", "quote"],
        "made_up": True,
        "published_on": dt.date(2026, 1, 20),
    }
    bare = {**full, "quote": "77d01b4e", "theme": "other", "approach": None, "title": None, "made_up": False}
    return pl.DataFrame([full, {**bare, "indicators": [], "effects": [], "uses": ["publish"]}], schema)


def with_embargo(rows: pl.DataFrame) -> pl.DataFrame:
    """Add, for each municipality or sender, a row of which the embargo ends today, and rows under it in three ways."""
    if "public_from" not in rows.columns:
        return rows
    one_each = (
        rows.clear(1)
        if rows.is_empty()
        else rows.unique(next(name for name in ("municipality", "area", "sender", "period") if name in rows.columns))
    )
    secret = {name: pl.lit(SECRET).alias(name) for name in SECRETS if name in rows.columns}
    days = ((FIRST_DAY, DAY), (EVE, DAY + dt.timedelta(days=1)), (UNDER_EMBARGO, CLOSED), (NEVER, None))
    more = [
        one_each.with_columns(
            pl.lit(period).alias("period"),
            pl.lit(day, pl.Date).alias("public_from"),
            **({} if period == FIRST_DAY else secret),
        )
        for period, day in days
    ]
    return pl.concat([rows, *more], how="vertical_relaxed")
