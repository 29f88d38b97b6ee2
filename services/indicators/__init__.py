"""Indicators: a catalogue of definitions, and the engine that counts them on a node's own events.

Adding one is adding a file to `catalogue/`: the loader says what is missing, `lint` what the SQL may not hold.
"""

from services.indicators.districts import Group, Reference, district_groups, latest, references
from services.indicators.engine import CHILD_TABLES, COUNTS, EVENT_TABLES, RECORD_TABLES, count_cells, prepare
from services.indicators.loader import CatalogueError, catalogue_table, load_catalogue, load_entry
from services.indicators.model import TOTAL, Catalogue, Indicator
from services.indicators.periods import Period, period_of
from services.indicators.units import unit_keys

__all__ = [
    "CHILD_TABLES",
    "COUNTS",
    "EVENT_TABLES",
    "RECORD_TABLES",
    "TOTAL",
    "Catalogue",
    "CatalogueError",
    "Group",
    "Indicator",
    "Period",
    "Reference",
    "catalogue_table",
    "count_cells",
    "district_groups",
    "latest",
    "load_catalogue",
    "load_entry",
    "period_of",
    "prepare",
    "references",
    "unit_keys",
]
