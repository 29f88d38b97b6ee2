"""However the sending of the same events is spread over epochs, with rollovers the same is counted as in one epoch."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from services.households import ROLLOVER, first_names, under_one_name
from services.indicators import count_cells, load_catalogue, prepare
from tests.property.test_indicators_against_oracle import PERIODS, events
from tests.spec import indicator_oracle as oracle
from tests.spec.test_indicator_tables import place_of
from tests.unit.test_households import PAIRS

EPOCHS = ("2024", "2025", "2026")
SENDERS = ("es-a", "hc-b", "gm9001")


def called(address: bytes, epoch: str) -> bytes:
    """A pseudonym of the address: another one each epoch, the same for everybody."""
    return hashlib.sha256(epoch.encode() + address).digest()


def spread(
    given_events: oracle.Events, chance: Any
) -> tuple[dict[str, pl.DataFrame], dict[tuple[str, bytes], set[str]]]:
    """Give each event at an address a sender and the epoch in which it is sent; tell which address was sent when."""
    used: dict[tuple[str, bytes], set[str]] = {}
    frames = {}
    for name, frame in given_events.frames().items():
        if "address" not in frame.columns:
            frames[name] = frame
            continue
        senders = frame["sent_by"].to_list() if "sent_by" in frame.columns else []
        senders = senders or [chance.choice(SENDERS) for _ in range(frame.height)]
        epochs = [chance.choice(EPOCHS) for _ in range(frame.height)]
        told = list(zip(senders, frame["address"], epochs, strict=True))
        for sender, address, epoch in told:
            used.setdefault((sender, address), set()).add(epoch)
        names = pl.Series("address", [called(address, epoch) for _, address, epoch in told], dtype=pl.Binary)
        frames[name] = frame.with_columns(
            names, pl.Series("sent_by", senders, dtype=pl.String), pl.Series("epoch", epochs, dtype=pl.String)
        )
    return frames, used


def rolled(used: Mapping[tuple[str, bytes], set[str]], chance: Any) -> pl.DataFrame:
    """What each sender says at its first sending of an epoch, some years of nothing to send left out."""
    rows = []
    for (sender, address), sent in used.items():
        known = min(sent)
        for epoch in EPOCHS[EPOCHS.index(known) + 1 :]:
            last = epoch == EPOCHS[-1]
            if last or epoch in sent or chance.random() < 0.5:
                rows.append((sender, known, epoch, called(address, known), called(address, epoch)))
                known = epoch
    chance.shuffle(rows)
    day = dt.date(2026, 1, 5)
    return pl.DataFrame([(*row, day, b"p", n) for n, row in enumerate(rows)], schema=PAIRS, orient="row")


def in_first_epochs(given_events: oracle.Events, used: Mapping[tuple[str, bytes], set[str]]) -> oracle.Events:
    """The same events, each household under the oldest name by which any sender sent it."""
    first = {address: min(min(sent) for (_, of), sent in used.items() if of == address) for _, address in used}
    changed = {
        item.name: [
            row | {"address": called(row["address"], first[row["address"]])} if "address" in row else row
            for row in getattr(given_events, item.name)
        ]
        for item in fields(given_events)
    }
    return replace(given_events, **changed)


def count(frames: Mapping[str, pl.DataFrame], names: Mapping[bytes, bytes]) -> pl.DataFrame:
    with duckdb.connect() as con:
        for name, frame in frames.items():
            con.register(name, frame)
        prepare(con, oracle.RELEASE_KEY, names)
        return count_cells(con, load_catalogue(), oracle.MUNICIPALITY, PERIODS)


@settings(max_examples=40, deadline=None)
@given(given_events=events, chance=st.randoms(use_true_random=False))
def test_any_spread_over_epochs_counts_as_one_epoch_does(given_events: oracle.Events, chance: Any) -> None:
    """Values, households and keys of all cells: joins, look-backs and noise are those of one epoch."""
    frames, used = spread(given_events, chance)
    pairs = rolled(used, chance)
    found = count(under_one_name({**frames, ROLLOVER: pairs}), first_names(pairs))
    expected = oracle.count(in_first_epochs(given_events, used), PERIODS)
    for row in found.iter_rows(named=True):
        numerator, base = expected[row["period"], row["indicator"], place_of(row)]
        assert (row["value"], row["units"], row["key"]) == numerator
        below = (row["below_value"], row["below_units"], row["below_key"])
        assert base in (row["population"], below)
    assert len(found) == len(expected)
