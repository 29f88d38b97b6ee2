"""The dashboard of docs/bi.md: its files fit together, it ranks nothing, and it adds nothing up."""

import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.superset.pack import FOLDER, main, pack
from services.errors import Fatal
from services.indicators import load_catalogue
from tests.docs.markdown import ROOT

PAGE = ROOT / "docs" / "bi.md"
WAYS_TO_RANK = r"\b(row_number|rank|dense_rank|ntile|order by|limit)\b(?! AS likeness)"


def loaded(kind: str) -> dict[str, Any]:
    return {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted(FOLDER.glob(f"{kind}/**/*.yaml"))}


CHARTS, DATASETS, DASHBOARDS = loaded("charts"), loaded("datasets"), loaded("dashboards")
(DASHBOARD,) = DASHBOARDS.values()
BY_UUID = {dataset["uuid"]: dataset for dataset in DATASETS.values()}
each_chart = pytest.mark.parametrize("chart", CHARTS.values(), ids=list(CHARTS))
each_dataset = pytest.mark.parametrize("dataset", DATASETS.values(), ids=list(DATASETS))


def columns_of(chart: dict[str, Any]) -> set[str]:
    return {column["column_name"] for column in BY_UUID[chart["dataset_uuid"]]["columns"]}


@each_chart
def test_a_chart_uses_columns_and_expressions_of_its_dataset(chart: dict[str, Any]) -> None:
    params = chart["params"]
    used = {*params.get("all_columns", []), *params.get("groupby", []), *filter(None, [params.get("x_axis")])}
    assert used
    assert used <= columns_of(chart)
    metrics = {metric["metric_name"] for metric in BY_UUID[chart["dataset_uuid"]]["metrics"]}
    assert set(params.get("metrics", [])) <= metrics
    shown = set(re.findall(r"\{\{(?:#if \(eq |#each \(parseJson )?(\w+)", params.get("handlebarsTemplate", "")))
    assert shown - {"else", "this", "data"} <= used


@each_chart
def test_a_chart_is_ordered_by_title_period_or_likeness(chart: dict[str, Any]) -> None:
    params = chart["params"]
    orders = {re.findall(r"\w+", text)[0] for text in params.get("order_by_cols", [])}
    assert orders <= {"title", "likeness"}
    assert params.get("x_axis", "period") in {"period", "by_likeness"}
    assert params.get("x_axis_sort", "period") == params.get("x_axis", "period")
    assert not params.get("show_cell_bars", False)
    assert not params.get("timeseries_limit_metric")


@each_dataset
def test_a_dataset_neither_ranks_nor_sums(dataset: dict[str, Any]) -> None:
    asked = dataset["sql"].replace("p.rank AS likeness", "")
    assert not re.search(WAYS_TO_RANK, asked, re.IGNORECASE)
    assert not re.search(r"\b(sum|avg|group by)\b", asked, re.IGNORECASE)
    for metric in dataset["metrics"]:
        assert metric["expression"].startswith("CASE WHEN count(*) = 1 THEN max("), metric["metric_name"]


def test_every_chart_is_on_the_dashboard_and_every_filter_has_its_column() -> None:
    placed = [item for key, item in DASHBOARD["position"].items() if key.startswith("CHART-")]
    assert {item["meta"]["uuid"] for item in placed} == {chart["uuid"] for chart in CHARTS.values()}
    ids = {item["meta"]["chartId"] for item in placed}
    filters = DASHBOARD["metadata"]["native_filter_configuration"]
    assert [item["name"] for item in filters] == ["Municipality", "Indicator", "Period"]
    for item in filters:
        (target,) = item["targets"]
        column = target["column"]["name"]
        assert column in {found["column_name"] for found in BY_UUID[target["datasetUuid"]]["columns"]}
        assert not item["controlValues"]["multiSelect"]
        assert set(item["scope"]["excluded"]) <= ids
        in_scope = ids - set(item["scope"]["excluded"])
        uuids = {place["meta"]["uuid"] for place in placed if place["meta"]["chartId"] in in_scope}
        assert all(column in columns_of(chart) for chart in CHARTS.values() if chart["uuid"] in uuids)


def test_the_indicator_that_is_shown_first_is_one_of_the_catalogue() -> None:
    (shown,) = DASHBOARD["metadata"]["native_filter_configuration"][1]["defaultDataMask"]["filterState"]["value"]
    assert shown in {indicator.title.en for indicator in load_catalogue().values()}


def test_the_page_shows_a_picture_of_it() -> None:
    picture = PAGE.parent / "images" / "superset-benchmark.png"
    assert "(images/superset-benchmark.png)" in PAGE.read_text("utf-8")
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    assert width > 1000
    assert height > 1000


def test_the_packed_file_has_all_files_the_connection_and_no_password(tmp_path: Path) -> None:
    file = tmp_path / "benchmark.zip"
    words = "--server sql.example.nl:8443 --user j.jansen --ca /srv/ca.pem --municipality gm0301"
    main([str(file), *words.split()])
    with zipfile.ZipFile(file) as packed:
        names = {path.relative_to(FOLDER.parent).as_posix() for path in FOLDER.rglob("*.yaml")}
        assert set(packed.namelist()) == names
        (database,) = (yaml.safe_load(packed.read(name)) for name in names if "/databases/" in name)
        (dashboard,) = (yaml.safe_load(packed.read(name)) for name in names if "/dashboards/" in name)
    assert database["sqlalchemy_uri"] == "trino://j.jansen:XXXXXXXXXX@sql.example.nl:8443/hub"
    assert database["extra"]["engine_params"]["connect_args"] == {"http_scheme": "https", "verify": "/srv/ca.pem"}
    first = dashboard["metadata"]["native_filter_configuration"][0]["defaultDataMask"]
    assert first["filterState"]["value"] == ["gm0301"]
    assert first["extraFormData"]["filters"] == [{"col": "municipality", "op": "IN", "val": ["gm0301"]}]


@pytest.mark.parametrize("user", ["j jansen", "j:secret", "j@elsewhere", "a'b", "a\nb", ""])
def test_a_name_that_would_change_the_meaning_of_a_file_is_refused(user: str, tmp_path: Path) -> None:
    with pytest.raises(Fatal):
        pack(tmp_path / "benchmark.zip", server="localhost:18443", user=user, ca=Path("/srv/ca.pem"))
