"""What stands beside patterns: figures that say how much and how long, and the reach of an approach."""

import pyarrow as pa
import pytest

from services.asking import Ask
from services.errors import Fatal
from services.indicators import load_catalogue
from services.stories.patterns.reach import INDICATOR, reaches
from services.stories.patterns.warm import COLD, COLD_TITLES, warm_with_cold

TOWN = "gm0153"


def answering(**tables: list[dict[str, object]]) -> Ask:
    """An engine that gives whole tables, whatever a question leaves out; the newest row last, as asked."""

    def ask(sql: str) -> pa.Table:
        for name, rows in tables.items():
            if f"hub.benchmark.{name} " in f"{sql} ":
                return pa.Table.from_pylist(rows)
        return pa.table({})

    return ask


def test_cold_figures_are_of_the_catalogue_and_each_kind_has_a_word() -> None:
    catalogue = load_catalogue()
    assert {*COLD} <= {*catalogue}
    assert {*COLD.values()} <= {*COLD_TITLES}
    assert all(catalogue[name].themes for name in COLD)


def test_effects_stand_beside_volume_and_waiting_and_other_figures_are_left_out() -> None:
    def cell(signification: str, count: int | None, period: str = "2025-Q4") -> dict[str, object]:
        kind = "total" if signification == "total" else "effect"
        status = "suppressed" if count is None else "published"
        return {
            "municipality": TOWN, "period": period, "public_from": None, "theme": "debt_counselling",
            "signification_kind": kind, "signification": signification, "status": status, "numerator": count,
        }  # fmt: skip

    def figure(name: str, value: float) -> dict[str, object]:
        shown = {"indicator": name, "period": "2025", "status": "published", "value": value}
        return {**shown, "peer_median": 80.0, "compared": "similar"}

    names = ("first_talk_within_four_weeks_share", "amicable_settlement_share")
    told = [{"indicator": name, "themes": ["debt_counselling"], "title_nl": name, "unit_nl": "%"} for name in names]
    patterns = [
        cell("total", 90, "2025-Q3"),
        cell("total", 45),
        cell("unwanted:family", 30),
        cell("wanted:total", None),
    ]
    ask = answering(patterns=patterns, indicators=told, figures=[figure(name, 71.5) for name in names])
    period, (found,) = warm_with_cold(ask, TOWN, ["debt_counselling"])
    assert (period, found.told, found.effects, found.hidden) == ("2025-Q4", 45, (("unwanted:family", 30),), True)
    assert [(kind, item.indicator, item.value) for kind, item in found.cold] == [("waiting", names[0], 71.5)]
    with pytest.raises(Fatal, match="is no theme"):
        warm_with_cold(ask, TOWN, ["debts"])


def test_an_approach_says_what_is_missing_beside_its_figure_or_its_story() -> None:
    def figure(approach: str, value: float | None, period: str = "2025") -> dict[str, object]:
        status = "suppressed" if value is None else "published"
        row = {"dimension_value": approach, "period": period, "status": status, "value": value, "peer_median": 22.5}
        return {**row, "indicator": INDICATOR}

    def quote(approach: str | None) -> dict[str, object]:
        told = {"theme": "child_poverty", "period": "2025-Q4", "title": "Zwemles", "words": "Het kind kon mee."}
        return {**told, "approach": approach, "effects": ["wanted:children"], "made_up": True}

    figures = [
        figure("leergeld", 10.0, "2024"),
        figure("leergeld", 31.0),
        figure("city_pass", None),
        figure("kinderhulp", 5.0),
    ]
    ask = answering(figures=figures, stories=[quote("leergeld"), quote("city_pass"), quote("jarige_job"), quote(None)])
    found = {item.approach: item for item in reaches(ask, TOWN)}
    assert [*found] == ["leergeld", "kinderhulp", "jarige_job", "city_pass"]
    assert (found["leergeld"].share, found["leergeld"].peer_median, found["leergeld"].said) == (31.0, 22.5, "")
    assert found["kinderhulp"].said.startswith("Een cijfer zonder verhaal")
    assert {found[name].said.partition(":")[0] for name in ("jarige_job", "city_pass")} == {"Een verhaal zonder cijfer"}
