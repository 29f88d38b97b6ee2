"""The import contracts in pyproject.toml name every module they should, so that a new one cannot slip past them."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
WALLED = {"services.privacy", "services.disclosure"}


def modules_of_services() -> set[str]:
    found = set()
    for path in (ROOT / "services").iterdir():
        if path.suffix == ".py" and path.stem != "__init__":
            found.add(f"services.{path.stem}")
        elif (path / "__init__.py").exists():
            found.add(f"services.{path.name}")
    return found


def test_privacy_and_disclosure_are_forbidden_every_other_module_of_ours() -> None:
    contract = next(item for item in CONTRACTS if set(item.get("source_modules", [])) == WALLED)
    assert set(contract["forbidden_modules"]) == (modules_of_services() - WALLED) | {"connectors", "dags", "infra"}


def test_layers_run_from_schedules_down_to_connectors() -> None:
    contract = next(item for item in CONTRACTS if item["type"] == "layers")
    assert contract["layers"] == ["dags", "infra", "services", "connectors"]


def test_connectors_may_not_reach_for_broker_store_cryptography_or_schedule() -> None:
    contract = next(item for item in CONTRACTS if item.get("source_modules") == ["connectors"])
    assert {"kafka", "pyiceberg", "cryptography", "airflow"} <= set(contract["forbidden_modules"])


def test_nothing_that_makes_a_figure_may_reach_for_sessions() -> None:
    contract = next(item for item in CONTRACTS if item.get("forbidden_modules") == ["services.sessions"])
    makers = {"services.benchmark", "services.hub", "services.indicators", "services.month", "services.release"}
    makers |= {"services.stories.closing", "services.stories.patterns.counting", "services.stories.patterns.releasing"}
    assert makers <= set(contract["source_modules"])
    assert not contract.get("ignore_imports")
