"""Searching a municipality's own stories for the codes that words are about: inside its node, and written down.

Of the stories nothing comes out but codes that anybody could have named.
"""

from services.errors import SpiegelnetError
from services.network import Network
from services.private_sql import Private
from services.private_sql.asking import os_user, stated
from services.private_sql.audit import ANSWERED
from services.stories.patterns.words import Candidates, Text, candidates
from services.stories.reading import STORY, stories
from services.stories.text import StoryKey, opened_words

_ASKED = "search own stories: "
_TEAM = "team"
_FAULT = "fault"


def candidates_inside(network: Network, municipality: str, words: str, purpose: str) -> Candidates:
    """Propose codes for words, by searching the stories that their tellers let the team read.

    Args:
        network: with the municipality's keys on this machine.
        municipality: whose stories.
        words: as somebody says it; kept, sealed, with the record.
        purpose: what for, likewise.

    Raises:
        NotAllowed: without purpose or keys, or of no municipality.
        Retryable, Fatal: the store or the record cannot be used; without a record nothing is searched.
    """
    audit = Private(network, municipality).audit()
    number = audit.begin(network.now(), os_user(), stated(purpose), f"{_ASKED}{words}")
    outcome = _FAULT
    try:
        found = candidates(words, _told(network, municipality))
        outcome = ANSWERED
    except SpiegelnetError as error:
        outcome = error.group
        raise
    finally:
        audit.end(number, network.now(), outcome)
    return found


def _told(network: Network, municipality: str) -> list[Text]:
    held = stories(network, municipality)
    may = held.filter([_TEAM in uses for uses in held["uses"].to_list()])
    if may.is_empty():
        return []
    key = StoryKey.load(network.home.participant(municipality).story_key)
    opened = opened_words(key, network.registry.get(STORY), may)
    return [
        Text(f"{row['title']}. {row['body']}", row["theme"], tuple(row["signals"]))
        for row in opened.select("title", "body", "theme", "signals").iter_rows(named=True)
    ]
