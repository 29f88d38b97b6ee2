"""What schedules tell each other of: an event of an asset begins the schedules that wait for it."""

from typing import Final

from airflow.sdk import Asset, AssetAlias

RELEASES: Final = Asset("releases", uri="spiegelnet://releases")
"""All nodes of a machine have ended their month, or a period is due at the hub; `extra` has the period."""
DUE: Final = AssetAlias("due_releases")
"""Under this name an intake tells of `RELEASES`, when there is something to tell."""
BENCHMARK: Final = Asset("benchmark", uri="spiegelnet://benchmark")
"""The hub's tables were made anew."""
