"""Every `sql` block of the documentation is answered, with rows, by the SQL surface of a small network."""

import pytest

from services.federation.surface import query
from services.surface import open_published
from tests.docs.example_network import ExampleNetwork
from tests.docs.markdown import PAGES, ROOT, Block, blocks

pytestmark = pytest.mark.xdist_group("docs_network")

QUESTIONS = [block for page in PAGES for block in blocks(page, "sql")]


@pytest.mark.parametrize("block", QUESTIONS, ids=lambda block: block.name)
def test_an_example_query_has_an_answer(block: Block, network: ExampleNetwork) -> None:
    answer = query(open_published(network.home), block.text)
    assert answer.num_rows > 0


def test_there_are_examples_enough() -> None:
    assert len(blocks(ROOT / "docs" / "sql.md", "sql")) >= 6
