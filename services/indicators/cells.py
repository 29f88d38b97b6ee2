"""The question for the cells of statements of the catalogue: SQL that both engines know."""

from collections.abc import Iterable
from typing import Final

from services.indicators.model import Indicator

_ROWS_SQL: Final = """
SELECT {number} AS number, s.period, s.unit, {district} AS district, {part} AS part FROM ({sql}) s
"""
_CELLS_SQL: Final = """
WITH unit_rows AS ({rows}),
placed AS (
    SELECT r.number, r.period, r.unit, COALESCE(g.district_group, r.part) AS part, k.key
    FROM unit_rows r
    LEFT JOIN district_groups g ON g.period = r.period AND g.district = r.district
    LEFT JOIN unit_keys k ON k.unit = r.unit
),
per_unit AS (
    SELECT p.number, p.period, p.unit, p.part, GROUPING(p.part) AS is_total, COUNT(*) AS events, MIN(p.key) AS unit_key
    FROM placed p
    GROUP BY GROUPING SETS ((p.number, p.period, p.unit), (p.number, p.period, p.unit, p.part))
)
SELECT number, period, part, SUM(events) AS events, COUNT(*) AS units, COUNT(unit_key) AS keyed, SUM(unit_key) AS keys
FROM per_unit
WHERE is_total = 1 OR part IS NOT NULL
GROUP BY number, period, part
"""
_NOTHING: Final = "CAST(NULL AS VARCHAR)"


def statements(entries: Iterable[Indicator]) -> dict[str, str | None]:
    """Return each statement of these indicators once, with the dimension that parts its rows; None for districts."""
    found: dict[str, str | None] = {entry.denominator.sql: None for entry in entries if entry.denominator.sql}
    for entry in entries:
        if entry.numerator.sql:
            found[entry.numerator.sql] = entry.dimension.name if entry.dimension else None
    return found


def cells_sql(asked: Iterable[tuple[str, str | None]]) -> str:
    """Return one question for the cells of statements, which are in the dialect of who is asked.

    Args:
        asked: each statement, and the dimension that parts its rows, see `statements`.

    Returns:
        SQL that both engines know, over what the statements ask and `district_groups` and `unit_keys`. It gives
        `number`, of the statement in their order, `period`, `part`, `events`, `units`, and of their keys `keyed`, how
        many there are, and `keys`, the sum.
    """
    rows = [
        _ROWS_SQL.format(
            number=number,
            district=_NOTHING if dimension else "s.district",
            part=f"s.{dimension}" if dimension else _NOTHING,
            sql=sql,
        )
        for number, (sql, dimension) in enumerate(asked)
    ]
    return _CELLS_SQL.format(rows=" UNION ALL ".join(rows))
