"""What came of the stories that a sender sent, as municipalities told it back, to be told to the tellers."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from services.network import Network
from services.store.events import current_events
from services.store.warehouse import open_warehouse
from services.stories.points.told import told_stories
from services.stories.text import StoryKey, opened_words

RESPONSE: Final = "story_response"


@dataclass(frozen=True)
class Heard:
    """One thing that came of one story.

    Attributes:
        number: the sender's own number of the story; None when its row is no longer in the sources.
        municipality: who said it.
        stage: how far it came.
        said_on: when.
        message: in words to the teller; None where the stage says it.
    """

    number: str | None
    municipality: str
    stage: str
    said_on: dt.date
    message: str | None = field(repr=False)


def heard(network: Network, participant: str) -> list[Heard]:
    """Return all that came of a sender's stories, by story and day.

    Args:
        network: the network.
        participant: who sent them; what it received is in its own store, its words under its own key.

    Raises:
        Fatal: the store or the key is damaged, or its keys are not on this machine.
        Retryable, NotAllowed: the catalog's database is away, or does not let this participant in.
    """
    home = network.home.participant(participant)
    event_type = network.registry.get(RESPONSE)
    catalog = open_warehouse(home.root, "private", network.database(participant))
    events = current_events(catalog, event_type)
    if events.is_empty():
        return []
    words = opened_words(StoryKey.load(home.story_key), event_type, events)
    numbers = told_stories(home.sources, network.keys(participant).event).unique("story", keep="first")
    told = words.join(numbers, on="story", how="left", maintain_order="left")
    stages = dict(event_type.shape.fields)["stage"].symbols
    order = pl.col("stage").replace_strict({name: at for at, name in enumerate(stages)}, return_dtype=pl.Int32)
    rows = told.with_columns(order.alias("_order")).sort("number", "story", "said_on", "_order", nulls_last=True)
    return [Heard(*row) for row in rows.select("number", "sent_by", "stage", "said_on", "message").iter_rows()]
