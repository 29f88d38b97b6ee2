"""One file per source: reads what a partner exports into columns of events. Imports nothing of ours."""

from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from connectors import (
    approach_reach,
    assistance_spells,
    cbs_work_income,
    debt_counselling_message,
    early_warning_message,
    energy_supplier,
    existing_stories,
    grid_operator,
    health_insurer,
    housing_corporation,
    low_income_children,
    population_reference,
    story_forms,
    story_interviews,
    support_provisions,
    water_company,
)
from connectors.base import Batch, Connector, SourceError

CONNECTORS: Final[tuple[Connector, ...]] = (
    energy_supplier.CONNECTOR,
    housing_corporation.CONNECTOR,
    water_company.CONNECTOR,
    health_insurer.CONNECTOR,
    early_warning_message.CONNECTOR,
    debt_counselling_message.CONNECTOR,
    cbs_work_income.CONNECTOR,
    population_reference.CONNECTOR,
    low_income_children.CONNECTOR,
    assistance_spells.CONNECTOR,
    support_provisions.CONNECTOR,
    approach_reach.CONNECTOR,
    grid_operator.CONNECTOR,
    existing_stories.CONNECTOR,
    story_forms.CONNECTOR,
    story_interviews.CONNECTOR,
)

__all__ = ["CONNECTORS", "Batch", "Connector", "SourceError", "connector_for"]


def connector_for(path: Path) -> Connector:
    """The one connector whose file name pattern fits.

    Raises:
        SourceError: none fits.
    """
    name = path.name.lower()
    for connector in CONNECTORS:
        if any(fnmatch(name, pattern) for pattern in connector.patterns):
            return connector
    known = ", ".join(pattern for connector in CONNECTORS for pattern in connector.patterns)
    raise SourceError(f"No connector knows {path.name}.", "A file is recognised by its name.", f"Names: {known}.")
