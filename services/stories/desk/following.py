"""The desk after receiving: new stories are noted as received, senders are told, quotes without consent leave.

So does what duiding sessions shared about their stories. Of a story that was taken back, or whose retention ended, the
desk keeps nothing but who saw its text.
"""

from services.network import Network
from services.sending.sender import Sender
from services.sessions.publishing import follow_stories
from services.stories.desk.publishing import bring_out, withdraw_without_consent
from services.stories.desk.records import open_desk
from services.stories.desk.stages import receive
from services.stories.desk.telling import tell
from services.stories.reading import not_taken_back, stories


def follow(network: Network, municipality: str, sender: Sender) -> int:
    """Bring the desk up to the stories that its node holds now; return the number of parcels.

    Raises:
        Retryable, Fatal: the desk's file or a table cannot be used; run again.
    """
    desk, present = open_desk(network, municipality), stories(network, municipality)
    withdraw_without_consent(desk, present, network.today())
    parcels = bring_out(network, sender, desk, present)  # first of all: what is taken back is gone at once
    follow_stories(network, municipality)
    receive(desk, dict(present.select("event_id", "received_on").iter_rows()))
    desk.forget_all_but(not_taken_back(network, municipality))
    return parcels + tell(desk, present, sender)
