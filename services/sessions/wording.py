"""Dutch words for what a report of a session tells."""

from collections.abc import Mapping
from typing import Final

from services.sessions.model import AWAY, DONE, DROPPED, IN, INVITED, OPEN, SILENT

PARTY_STATE: Final[Mapping[str, str]] = {
    INVITED: "lezing nog niet binnen",
    IN: "lezing binnen",
    SILENT: "lezing binnen",  # who wrote without name only is not to stand apart
    AWAY: "niet gekomen",
}
ACTION_STATE: Final[Mapping[str, str]] = {OPEN: "open", DONE: "gedaan", DROPPED: "vervallen"}
SOURCE: Final[Mapping[str, str]] = {"catalogue": "definitie", "session": "duidingssessie", "story": "verhaal"}
