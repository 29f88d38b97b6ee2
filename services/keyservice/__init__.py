"""A key service: half of what it takes to make a pseudonym, and it never sees of whom.

Two of them, of different organisations, each hold a seed. For every receiver and epoch each derives a key of its own,
so that two municipalities' pseudonyms do not join, and last year's do not join with this year's.
"""

from services.keyservice.in_process import InProcessKeyService
from services.keyservice.protocol import MAX_BATCH, KeyService

__all__ = ["MAX_BATCH", "InProcessKeyService", "KeyService"]
