"""The made-up files of a grid operator are read like its own, and lie where they are read."""

from datetime import date
from pathlib import Path

import polars as pl

from connectors import connector_for
from services.samples.context import LEAST, OPERATED, write_context
from services.samples.network import load_network
from services.samples.places import load_places, write_reference
from services.sending.addresses import AddressReference
from services.sending.ranges import places_of_ranges

MONTHS = [date(2025, number, 1) for number in range(1, 13)]


def test_use_of_energy_is_read_as_it_is_written_and_lies_in_the_municipality_that_reads_it(tmp_path: Path) -> None:
    places = load_places(load_network())
    write_reference(places, tmp_path / "reference.csv")
    reference = AddressReference.load(tmp_path / "reference.csv")
    for here in OPERATED:
        written = write_context(tmp_path / here, here, places, months=MONTHS, seed=11)
        assert [*written] == ["back/coteq_electricity_2025.csv", "back/coteq_gas_2025.csv"]
        for name, count in written.items():
            path = tmp_path / here / name
            batches = list(connector_for(path).read(path))
            rows = pl.concat(batch.rows for batch in batches)
            assert (rows.height, sum(batch.refused.height for batch in batches)) == (count, 0)
            assert count > 100
            assert (rows["units"] >= LEAST).all()
            assert places_of_ranges(reference, rows, only=here)["reason"].null_count() == count


def test_where_another_operator_has_the_grid_nothing_is_written(tmp_path: Path) -> None:
    assert write_context(tmp_path, "gm0153", load_places(load_network()), months=MONTHS, seed=11) == {}
    assert not [*tmp_path.iterdir()]
