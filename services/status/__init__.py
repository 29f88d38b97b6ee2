"""How a network stands, for a person: what flows, what waits, what failed, since when, and whose turn it is."""

from services.status.model import COUNTS, NetworkStatus, ParticipantStatus
from services.status.network import network_status, own_participants
from services.status.participant import participant_status

__all__ = ["COUNTS", "NetworkStatus", "ParticipantStatus", "network_status", "own_participants", "participant_status"]
