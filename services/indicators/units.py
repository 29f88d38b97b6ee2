"""The units of events as numbers, while a node counts, and their keys, on which the noise of a cell rests."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

import duckdb
import polars as pl

from services.privacy.pseudonym import keyed_digests

NUMBERED: Final = "numbered_"
"""Before the name of an event table: the same events, with a number in the place of the unit's name."""


def unit_keys(release_key: bytes, units: pl.Series) -> pl.Series:
    """Return each unit's key below 2**32: the first 8 bytes of HMAC-SHA256 under the release key, modulo 2**32.

    Args:
        release_key: the node's secret for release, 32 bytes.
        units: Binary, without nulls.

    Returns:
        An Int64 series of the same length and order, named `key`.
    """
    digests = pl.Series("key", keyed_digests(release_key, units), dtype=pl.Binary)
    # of a number of 8 bytes, highest first, the last 4 are its remainder
    return digests.bin.slice(4, 4).bin.reinterpret(dtype=pl.UInt32, endianness="big").cast(pl.Int64)


def numbered(con: duckdb.DuckDBPyConnection, by_address: Sequence[str], others: Mapping[str, str]) -> pl.DataFrame:
    """Make the tables `NUMBERED` and return each unit's `unit`, the number (UInt64), and `name` (Binary).

    An address becomes a hash of 64 bits, which takes least time. Other units keep their order: views choose by it.

    Args:
        con: has the tables.
        by_address: tables whose unit is the `address`.
        others: by table the column of its unit.
    """
    addresses = _distinct(dict.fromkeys(by_address, "address"))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE records AS"
        f" SELECT CAST(row_number() OVER (ORDER BY name) AS UBIGINT) AS unit, name FROM ({_distinct(others)})"
    )
    for table, unit in others.items():
        con.execute(
            f"CREATE OR REPLACE VIEW {NUMBERED}{table} AS"
            f" SELECT e.* REPLACE (r.unit AS {unit}) FROM {table} e JOIN records r ON r.name = e.{unit}"
        )
    con.execute(f"CREATE OR REPLACE TEMP TABLE homes AS {addresses}")
    for salt in count():
        every = f"SELECT hash(name, {salt}) AS unit, name FROM homes UNION ALL FROM records"
        units = pl.DataFrame(con.sql(every).to_arrow_table())
        if units["unit"].is_unique().all():
            break  # of a million units two have the same hash in one of thirty million cases
    for table in by_address:
        con.execute(
            f"CREATE OR REPLACE VIEW {NUMBERED}{table} AS"
            f" SELECT e.* REPLACE (hash(e.address, {salt}) AS address) FROM {table} e"
        )
    con.execute("DROP TABLE homes")
    return units


def _distinct(units: Mapping[str, str]) -> str:
    every = " UNION ALL ".join(f"SELECT {unit} AS name FROM {table}" for table, unit in units.items())
    return f"SELECT DISTINCT name FROM ({every})"
