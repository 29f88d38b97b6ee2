"""A quote that came through Kafka is answered by Trino; without its teller's consent it is in no answer and no file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import stack
from services import tasks
from services.access import Access
from services.config import load_settings
from services.federation.trino_client import TrinoUser, query
from services.home import Home
from tests.integration.test_stories_to_quotes import HUB, NODE, ROWS, TITLE, WORDS, consent, files_with_words, published
from tests.network import homes
from tests.small_network import MUNICIPALITIES
from tests.stories_told import network_with_stories
from tests.told_stories import TOWN, add_story_point

SERVERS = ("postgresql", "kafka", "trino")
READERS = (TOWN, MUNICIPALITIES[1])
"""Whose story it is, and somebody else."""


@pytest.fixture
def root() -> Iterator[Path]:
    """A network of servers in which a town received one story that may be published."""
    with homes.new_home() as home:
        add_story_point(home.root)
        homes.start(home, *SERVERS)
        stack.make_known(home, load_settings(home.root), SERVERS)
        yield network_with_stories(home.root, ROWS)


def told(root: Path, reader: str, table: str, columns: str = "*") -> list[dict[str, Any]]:
    home = Home(root)
    password = Access.load(home.participant(reader).access).sql
    user = TrinoUser(str(load_settings(root).sql.server), reader, password, home.ca)
    return query(user, f"SELECT {columns} FROM {table}").to_pylist()


def test_a_quote_is_in_every_answer_and_after_its_teller_takes_it_back_in_none_and_in_no_file(root: Path) -> None:
    name = published(root)
    expected = {"quote": name, "title": TITLE, "words": WORDS, "uses": ["publish", "quote"], "approach": None}
    answers = [[expected]] * len(READERS)
    for table in (NODE, HUB):
        assert [told(root, reader, table, ", ".join(expected)) for reader in READERS] == answers
    assert files_with_words(root) == {TOWN, "hub"}, "the search finds words where they are"
    consent(root, ["count", "team"])
    tasks.receive(root, TOWN)
    assert [told(root, reader, NODE) for reader in READERS] == [[], []], "at once, also where Trino keeps what it read"
    tasks.receive(root, "hub")
    assert [told(root, reader, HUB) for reader in READERS] == [[], []]
    assert files_with_words(root) == set()
