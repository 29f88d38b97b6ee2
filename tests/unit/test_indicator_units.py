"""Units as numbers: each has one of its own, and records keep their order."""

import duckdb
import polars as pl

from services.indicators.units import NUMBERED, numbered

HOMES = [bytes([number]) * 32 for number in (3, 1, 2, 3)]
EVENTS = [bytes([number]) * 16 for number in (9, 7, 8)]
SAME_FIRST = """
CREATE TEMP MACRO hash(name, salt) AS
    CASE WHEN salt = 0 THEN CAST(5 AS UBIGINT) ELSE CAST(salt * 1000 + ascii(hex(name)[2]) AS UBIGINT) END
"""


def given(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    con.register("arrears", pl.DataFrame({"address": HOMES, "amount": [1, 2, 3, 4]}))
    con.register("spells", pl.DataFrame({"event_id": EVENTS, "day": [1, 2, 3]}))
    return numbered(con, ["arrears"], {"spells": "event_id"})


def check(con: duckdb.DuckDBPyConnection) -> None:
    units = given(con)
    assert sorted(units["name"]) == sorted({*HOMES, *EVENTS})
    names = dict(units.select("unit", "name").iter_rows())
    assert len(names) == 6
    rows = con.sql(f"SELECT address, amount FROM {NUMBERED}arrears ORDER BY amount").fetchall()
    assert [(names[unit], amount) for unit, amount in rows] == list(zip(HOMES, [1, 2, 3, 4], strict=True))
    ordered = con.sql(f"SELECT event_id FROM {NUMBERED}spells ORDER BY event_id").fetchall()
    assert [names[unit] for (unit,) in ordered] == sorted(EVENTS)


def test_each_unit_has_a_number_and_records_are_in_the_order_of_their_ids() -> None:
    with duckdb.connect() as con:
        check(con)


def test_addresses_of_one_hash_get_another_one() -> None:
    with duckdb.connect() as con:
        con.execute(SAME_FIRST)
        check(con)
        (salted,) = con.sql(f"SELECT min(address) >= 1000 FROM {NUMBERED}arrears").fetchall()[0]
        assert salted
