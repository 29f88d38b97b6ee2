"""Going on after an alarm: a person has decided that a participant reads on where its topic can be read.

A receiver stops where a topic or cluster was made anew, where messages were deleted before it read them, where the
broker lost the last ones, and where its file is damaged. Nothing that is stored goes, and what comes again counts once:
what was seen and not stored counts as missing until it comes again, so that the gaps in senders' streams tell whose
parcels were lost.
"""

from dataclasses import dataclass
from datetime import datetime

from services.broker import Broker
from services.errors import Rejected
from services.network import Network
from services.receiving.collecting import open_node
from services.receiving.replay import ReplayWindow
from services.store.intake import Position, begin_reading, next_reading, open_intake, position
from services.store.parcels import GoingOn


@dataclass(frozen=True)
class WentOn:
    """Where a participant reads on.

    Attributes:
        participant: who.
        before: where it stood; None when it had not read anything.
        after: where it reads on.
        lost: messages that are passed over; None when the topic is another one, which only its senders' streams tell.
    """

    participant: str
    before: Position | None
    after: Position
    lost: int | None


def go_on(network: Network, participant: str, broker: Broker, reason: str, now: datetime) -> WentOn:
    """Read on at the first place from the present one on that can be read; at the beginning of another topic.

    Can be killed at any moment and run again.

    Args:
        network: the network.
        participant: whose topic.
        broker: the log of parcels.
        reason: why a person decided so; kept with the log of parcels.
        now: UTC.

    Raises:
        Rejected: nothing keeps this participant from reading on, or no reason is given.
        Retryable: the broker is away, or another process collects at this moment.
    """
    if not reason.strip():
        raise Rejected("Nobody will know why this was done.", todo="Say what happened, and what was agreed with whom.")
    node = open_node(network, participant)
    intake = open_intake(node.catalog)
    before, topic = position(intake), f"parcels.{participant}"
    topic_id = broker.topic_id(topic)
    known = before is None or before.topic_id == topic_id
    stands = before.next_offset if before and known else 0
    offset = broker.next_readable(topic, stands, expected_id=topic_id)
    if known and offset == stands:
        raise Rejected(
            f"Nothing keeps {participant} from reading on at offset {stands} of its topic.",
            todo=f"Run `spiegelnet receive {participant}`.",
        )
    after = next_reading(before, topic_id, offset)
    ended = before or Position(topic_id, 0)
    with ReplayWindow(network.home.participant(participant).replay) as replay:
        replay.end_reading(ended.next_offset, now)
    earlier = before.reading_id if before else None
    decided = GoingOn(after.reading_id, offset, earlier, ended.next_offset, now.isoformat(), reason)
    node.parcels.note_going_on(decided)
    begin_reading(intake, after, now)
    return WentOn(participant, before, after, offset - stands if known and offset > stands else None)
