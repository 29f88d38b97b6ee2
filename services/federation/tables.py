"""Names and columns of the SQL surface; files of an earlier version may lack some of them."""

from types import MappingProxyType

_FIGURES = {
    "period": "VARCHAR",
    "period_kind": "VARCHAR",
    "municipality": "VARCHAR",
    "indicator": "VARCHAR",
    "dimension": "VARCHAR",
    "dimension_value": "VARCHAR",
    "numerator": "BIGINT",
    "denominator": "BIGINT",
    "denominator_date": "DATE",
    "value": "DOUBLE",
    "unit": "VARCHAR",
    "ci_low": "DOUBLE",
    "ci_high": "DOUBLE",
    "status": "VARCHAR",
    "peer_set": "VARCHAR",
    "peer_count": "BIGINT",
    "peer_p25": "DOUBLE",
    "peer_median": "DOUBLE",
    "peer_p75": "DOUBLE",
    "overdispersion": "DOUBLE",
    "compared": "VARCHAR",
    "trend": "VARCHAR",
    "coverage": "DOUBLE",
    "definition_version": "BIGINT",
    "release_id": "VARCHAR",
    "released_at": "TIMESTAMP WITH TIME ZONE",
    "public_from": "DATE",
}
_PEERS = {
    "period": "VARCHAR",
    "peer_set": "VARCHAR",
    "municipality": "VARCHAR",
    "peer": "VARCHAR",
    "rank": "BIGINT",
    "distance": "DOUBLE",
    "traits": "VARCHAR",
    "trait_vintage": "BIGINT",
    "public_from": "DATE",
}
_SINGLE = ("title", "definition", "unit", "numerator", "denominator", "proxy_for")
_SEVERAL = ("does_not_say", "perverse_incentives", "misses", "series_breaks")
_INDICATORS = {
    "indicator": "VARCHAR",
    "definition_version": "BIGINT",
    "set": "VARCHAR",
    "source": "VARCHAR",
    "kind": "VARCHAR",
    "factor": "BIGINT",
    "unit_kind": "VARCHAR",
    "polarity": "VARCHAR",
    "release_period": "VARCHAR",
    "release_level": "VARCHAR",
    "themes": "VARCHAR[]",
    "dimension": "VARCHAR",
    "parts": "VARCHAR[]",
}
for _language in ("nl", "en"):
    _INDICATORS |= {f"{name}_{_language}": "VARCHAR" for name in _SINGLE}
    _INDICATORS |= {f"{name}_{_language}": "VARCHAR[]" for name in _SEVERAL}
    _INDICATORS |= {f"dimension_title_{_language}": "VARCHAR", f"part_titles_{_language}": "VARCHAR[]"}

_PERIODS = {
    "period": "VARCHAR",
    "period_kind": "VARCHAR",
    "municipalities": "BIGINT",
    "released": "BIGINT",
    "missing": "VARCHAR[]",
    "complete": "BOOLEAN",
    "public_from": "DATE",
}
_RECEIVED_CELLS = {
    "period": "VARCHAR",
    "period_kind": "VARCHAR",
    "area": "VARCHAR",
    "area_kind": "VARCHAR",
    "area_vintage": "BIGINT",
    "indicator": "VARCHAR",
    "definition_version": "BIGINT",
    "dimension": "VARCHAR",
    "dimension_value": "VARCHAR",
    "unit_kind": "VARCHAR",
    "numerator": "BIGINT",
    "denominator": "BIGINT",
    "denominator_date": "DATE",
    "status": "VARCHAR",
    "reason": "VARCHAR",
    "coverage": "DOUBLE",
    "published_value": "DOUBLE",
    "release_id": "VARCHAR",
    "public_from": "DATE",
}
_CELLS = {
    "period": "VARCHAR",
    "period_kind": "VARCHAR",
    "municipality": "VARCHAR",
    "district": "VARCHAR",
    "dimension": "VARCHAR",
    "dimension_value": "VARCHAR",
    "indicator": "VARCHAR",
    "definition_version": "INTEGER",
    "unit_kind": "VARCHAR",
    "numerator": "BIGINT",
    "denominator": "BIGINT",
    "denominator_date": "DATE",
    "status": "VARCHAR",
    "area_vintage": "INTEGER",
    "coverage": "DOUBLE",
    "release_id": "VARCHAR",
    "public_from": "DATE",
}
_QUALITY = {
    "period": "VARCHAR",
    "sender": "VARCHAR",
    "stated": "BOOLEAN",
    "received": "BIGINT",
    "accepted": "BIGINT",
    "quarantined": "BIGINT",
    "quarantined_by_rule": "STRUCT(rule VARCHAR, events BIGINT)[]",
    "held": "BIGINT",
    "duplicate": "BIGINT",
    "late": "BIGINT",
    "public_from": "DATE",
}
_PATTERNS = {
    "period": "VARCHAR",
    "period_kind": "VARCHAR",
    "municipality": "VARCHAR",
    "theme": "VARCHAR",
    "signification_kind": "VARCHAR",
    "signification": "VARCHAR",
    "numerator": "BIGINT",
    "denominator": "BIGINT",
    "denominator_date": "DATE",
    "status": "VARCHAR",
    "definition_version": "INTEGER",
    "release_id": "VARCHAR",
    "public_from": "DATE",
}
_STORIES = {
    "municipality": "VARCHAR",
    "quote": "VARCHAR",
    "theme": "VARCHAR",
    "indicators": "VARCHAR[]",
    "approach": "VARCHAR",
    "role": "VARCHAR",
    "period": "VARCHAR",
    "title": "VARCHAR",
    "words": "VARCHAR",
    "effects": "VARCHAR[]",
    "uses": "VARCHAR[]",
    "made_up": "BOOLEAN",
    "published_on": "DATE",
}
_SHARED_CONCLUSIONS = {
    "municipality": "VARCHAR",
    "session": "VARCHAR",
    "held_on": "DATE",
    "period": "VARCHAR",
    "parties": "VARCHAR[]",
    "item_kind": "VARCHAR",
    "item": "VARCHAR",
    "release_id": "VARCHAR",
    "conclusion": "BIGINT",
    "words": "VARCHAR",
    "shared_on": "DATE",
    "public_from": "DATE",
}
_SHARED_ACTIONS = {
    "municipality": "VARCHAR",
    "session": "VARCHAR",
    "period": "VARCHAR",
    "item_kind": "VARCHAR",
    "item": "VARCHAR",
    "action": "BIGINT",
    "words": "VARCHAR",
    "owner": "VARCHAR",
    "due_on": "DATE",
    "state": "VARCHAR",
    "outcome": "VARCHAR",
    "closed_on": "DATE",
    "shared_on": "DATE",
    "public_from": "DATE",
}
_SHARED_MISSING = {
    "municipality": "VARCHAR",
    "indicator": "VARCHAR",
    "entry": "BIGINT",
    "who": "VARCHAR",
    "because": "VARCHAR",
    "source": "VARCHAR",
    "shared_on": "DATE",
}

HUB = "hub"
CELLS = "published.cells"
REGION_VIEWS = "region_[a-z0-9]+"
"""Pattern of the names of views in `hub.network` that unite the nodes of one region, such as `region_pv29`."""
HUB_TABLES = MappingProxyType(
    {
        "benchmark.figures": _FIGURES,
        "benchmark.peers": _PEERS,
        "benchmark.indicators": _INDICATORS,
        "benchmark.periods": _PERIODS,
        "benchmark.patterns": _PATTERNS,
        "network.cells": _RECEIVED_CELLS,
        "benchmark.stories": _STORIES,
    }
)
NODE_TABLES = MappingProxyType(
    {
        CELLS: _CELLS,
        "published.quality": _QUALITY,
        "published.patterns": _PATTERNS,
        "published.stories": _STORIES,
        "published.sessions": _SHARED_CONCLUSIONS,
        "published.actions": _SHARED_ACTIONS,
        "published.missing": _SHARED_MISSING,
    }
)


def region_view(region: str) -> str:
    """Return the name, in the hub's catalog, of the view that unites the nodes of a region (`pv29`)."""
    return f"network.region_{region}"
