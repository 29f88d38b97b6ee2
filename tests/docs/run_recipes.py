"""Runs in the copy: the new event type travels from an export to a municipality, the new indicator counts.

Usage: python tests/docs/run_recipes.py FOLDER. Prints one JSON object with what came of it.
"""

import datetime as dt
import json
import sys
from pathlib import Path

import duckdb
import polars as pl

from services import tasks
from services.indicators import count_cells, load_catalogue, prepare
from services.setup import Member, create_network
from tests.spec import indicator_oracle as oracle

EXPORT = Path(__file__).parents[1] / "sources" / "warmte_voorschotten_2025-12.csv"
NEW = "water_arrears_per_1000_households"
REFERENCE = """\
postcode,house_number_from,house_number_to,municipality,district
1234AB,1,99,gm0221,wk022100
1234AC,1,99,gm0221,wk022100
"""


def send_and_receive(home: Path) -> dict[str, object]:
    """Let a supplier send the example export of the new connector, and a municipality receive it."""
    members = [
        Member("gm0221", "Doesburg", "municipality", "pv25", ("gm0221",)),
        Member("es-warmte", "Warmte", "energy_supplier", None, ("gm0221",)),
        Member("hub", "Hub", "hub"),
    ]
    create_network(home, members)
    (home / "address_reference.csv").write_text(REFERENCE, "utf-8")
    sent = tasks.send(home, "es-warmte", [EXPORT])
    received = tasks.receive(home, "gm0221")
    return {
        "sent": dict(sent.events),
        "refused": dict(sent.refused),
        "verdicts": dict(received.verdicts),
        "rules": dict(received.rules),
    }


def count() -> list[int]:
    """Count the new indicator on two water signals and one of another partner, as its plain-Python definition does."""
    usual = {"district": "wk900101", "arisen_on": dt.date(2025, 10, 1), "reported_by": "partner"}
    signals = [
        {"address": address, "partner_type": kind, "signalled_on": dt.date(2025, 12, 4), **usual}
        for address, kind in ((b"A", "water"), (b"A", "rent"), (b"B", "water"))
    ]
    events = oracle.Events(payment_arrears=signals)
    with duckdb.connect() as con:
        for name, frame in events.frames().items():
            con.register(name, frame)
        prepare(con, oracle.RELEASE_KEY)
        counts = count_cells(con, load_catalogue(), oracle.MUNICIPALITY, ["2025-12"])
    found = counts.filter(pl.col("indicator") == NEW).select("value", "units", "key", "population").row(0)
    (value, units, key), base = oracle.count(events, ["2025-12"])["2025-12", NEW, None]
    if found != (value, units, key, base):
        raise ValueError(f"the SQL counts {found}, the definition {(value, units, key, base)}")
    return [value, units, int(str(base))]


if __name__ == "__main__":
    sys.stdout.write(json.dumps({**send_and_receive(Path(sys.argv[1])), "counted": count()}))
