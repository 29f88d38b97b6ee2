"""Lineage: which run made what of what, from a source file to a figure, as OpenLineage events.

Names of datasets tell connector, delivery, event type and table, never a file's name or a value. Counts in the events
are unprotected: they are the participant's own, like its logs.
"""

from services.lineage.datasets import Dataset, Flow
from services.lineage.events import Lineage

__all__ = ["Dataset", "Flow", "Lineage"]
