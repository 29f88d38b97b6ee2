"""Telling back: each stage that a story reaches goes to who sent the story, once, as a `story_response`.

The event id is of story and stage, so what is told again after a run that ended halfway is the same event.
"""

import hashlib
from itertools import groupby

import polars as pl

from services.sending.enqueueing import enqueue_once
from services.sending.sender import Sender
from services.stories.desk.records import Desk
from services.stories.desk.stages import Step, note_told, steps

EVENT_TYPE = "story_response"


def tell(desk: Desk, stories: pl.DataFrame, sender: Sender) -> int:
    """Put what the senders of stories were not told yet into the outbox; return the number of parcels.

    Args:
        desk: the desk.
        stories: current ones, as `services.stories.reading.stories` gives them; nobody is told of one taken back.
        sender: the municipality.
    """
    senders = dict(stories.select("event_id", "sent_by").iter_rows())
    untold = [step for step in steps(desk, untold=True) if step.story in senders]
    untold.sort(key=lambda step: senders[step.story])
    parcels = 0
    for receiver, group in groupby(untold, key=lambda step: senders[step.story]):
        told = list(group)
        parcels += _tell(sender, receiver, told)
        note_told(desk, told)
    return parcels


def _tell(sender: Sender, receiver: str, told: list[Step]) -> int:
    keys = pl.Series([f"{step.story.hex()}|{step.stage}" for step in told])
    frame = pl.DataFrame(
        [(step.story, step.stage, step.message, step.said_on) for step in told],
        schema={"story": pl.Binary, "stage": pl.String, "message": pl.String, "said_on": pl.Date},
        orient="row",
    ).with_columns(sender.event_ids(EVENT_TYPE, receiver, keys).alias("event_id"))
    source = hashlib.sha256("\n".join([EVENT_TYPE, receiver, *sorted(keys)]).encode()).digest()
    return enqueue_once(sender, EVENT_TYPE, receiver, frame, source)
