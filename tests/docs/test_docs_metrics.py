"""The table of metrics is what is served: names, kinds, labels and meanings."""

import re

from services.metrics import COUNTER, FAMILIES
from tests.docs.markdown import ROOT, section

ROW = re.compile(r"^\| `(spiegelnet_\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_every_metric_is_documented_as_it_is() -> None:
    text = section(ROOT / "docs" / "commands.md", "`spiegelnet metrics`")
    told = {name: (kind, labels, meaning) for name, kind, labels, meaning in ROW.findall(text)}
    assert told == {
        name: ("counter" if kind is COUNTER else "gauge", ", ".join(labels) or "–", meaning)
        for name, (kind, meaning, labels) in FAMILIES.items()
    }
