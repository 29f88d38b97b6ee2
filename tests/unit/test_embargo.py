"""The day from which others may see a period follows from the period and the network's directory alone."""

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from services.embargo import public_from, with_public_from
from services.errors import Fatal
from services.network import Network
from services.setup import create_network
from tests import small_network


@pytest.mark.parametrize(
    ("period", "days", "first_day"),
    [
        ("2025-12", 0, dt.date(2026, 1, 1)),
        ("2025-12", 14, dt.date(2026, 1, 15)),
        ("2024-02", 1, dt.date(2024, 3, 2)),
        ("2025-Q4", 14, dt.date(2026, 1, 15)),
        ("2025", 366, dt.date(2027, 1, 2)),
    ],
)
def test_others_see_a_period_so_many_days_after_it_has_ended(period: str, days: int, first_day: dt.date) -> None:
    assert public_from(period, days) == first_day


def test_a_period_that_is_none_is_never_for_others() -> None:
    frame = pl.DataFrame({"period": ["2025-12", "3025-12", None]})
    assert with_public_from(frame, 0)["public_from"].to_list() == [dt.date(2026, 1, 1), None, None]


def test_a_table_without_rows_has_the_column() -> None:
    assert with_public_from(pl.DataFrame(schema={"period": pl.String}), 0).schema["public_from"] == pl.Date


def home_with(folder: Path, settings: str) -> Path:
    return small_network.create(folder, settings).root


def settings_become(home: Path, text: str) -> Network:
    (home / "spiegelnet.toml").write_text(text, "utf-8")
    return Network.open(home)


def test_the_setting_of_who_sets_up_a_network_holds_for_everybody(tmp_path: Path) -> None:
    home = home_with(tmp_path, "[release]\nembargo_days = 30\n")
    assert Network.open(home).embargo_days == 30
    assert settings_become(home, "").embargo_days == 30, "a participant's settings need not say it"


@pytest.mark.parametrize("days", [0, 29])
def test_a_home_that_says_another_number_is_refused(days: int, tmp_path: Path) -> None:
    network = settings_become(
        home_with(tmp_path, "[release]\nembargo_days = 30\n"), f"[release]\nembargo_days = {days}\n"
    )
    with pytest.raises(Fatal, match=f"an embargo of 30 days, and the settings of this home say {days}"):
        _ = network.embargo_days


def test_a_directory_of_an_earlier_version_has_none_and_who_had_set_one_is_told(tmp_path: Path) -> None:
    home = home_with(tmp_path, "[release]\nembargo_days = 0\n")
    content = json.loads((home / "directory.json").read_text("utf-8"))
    del content["embargo_days"]
    (home / "directory.json").write_text(json.dumps(content), "utf-8")
    assert Network.open(home).embargo_days == 0
    with pytest.raises(Fatal, match="an embargo of 0 days"):
        _ = settings_become(home, "[release]\nembargo_days = 30\n").embargo_days
    create_network(home, [])
    assert Network.open(home).embargo_days == 30
    settings_become(home, "")
    create_network(home, [])
    assert Network.open(home).embargo_days == 30, "what is agreed stays where nothing else is said"


@pytest.mark.parametrize("days", [-1, 367, 1.5, "30", None, True])
def test_a_directory_whose_embargo_cannot_be_read_is_not_taken_for_one_without(days: object, tmp_path: Path) -> None:
    home = home_with(tmp_path, "")
    content = json.loads((home / "directory.json").read_text("utf-8"))
    (home / "directory.json").write_text(json.dumps({**content, "embargo_days": days}), "utf-8")
    with pytest.raises(Fatal, match=r"directory\.json cannot be read"):
        _ = Network.open(home).embargo_days
