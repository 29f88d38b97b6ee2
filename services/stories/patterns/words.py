"""From somebody's own words to themes and significations: full-text search with Dutch stems, in memory.

It proposes codes and counts nothing: whoever asks sees which codes were taken, and can name others. What is searched
are the titles and synonyms of the code lists, and texts whose codes are known, such as published quotes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import yaml

from services.stories.patterns.codes import ASKED_KINDS, SIGNIFICATIONS, THEMES

if TYPE_CHECKING:  # slow to load, and needed by a question in words only
    from tantivy import TextAnalyzer

MOST_THEMES: Final = 2
MOST_SIGNIFICATIONS: Final = 3
_NEAR: Final = 0.5
"""A further code is proposed with at least this part of the best one's score."""
_OF_LIST: Final = 3.0
"""How much more a hit in the code lists weighs than one in a told text."""
_MOST_HITS: Final = 20


@dataclass(frozen=True)
class Text:
    """A text that was told, and its codes."""

    words: str = field(repr=False)
    theme: str
    significations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidates:
    """Codes that words may be about, the likeliest first; none where nothing was found."""

    themes: tuple[str, ...]
    significations: tuple[str, ...]


def candidates(words: str, told: Iterable[Text] = ()) -> Candidates:
    """Propose codes for words.

    Args:
        words: as somebody says it.
        told: texts to search too.
    """
    documents = [*_code_list(), *((item.words, (item.theme, *item.significations), 1.0) for item in told)]
    scores: dict[str, float] = defaultdict(float)
    for score, number in _search([text for text, _, _ in documents], words):
        _, codes, weight = documents[number]
        for code in codes:
            scores[code] += score * weight
    meanings = [code for kind in ASKED_KINDS for code in SIGNIFICATIONS[kind]]
    return Candidates(_best(scores, tuple(THEMES), MOST_THEMES), _best(scores, meanings, MOST_SIGNIFICATIONS))


def _best(scores: dict[str, float], codes: Sequence[str], most: int) -> tuple[str, ...]:
    ordered = sorted((code for code in codes if scores.get(code, 0) > 0), key=lambda code: (-scores[code], code))
    return tuple(code for code in ordered[:most] if scores[code] >= _NEAR * scores[ordered[0]])


@cache
def _code_list() -> tuple[tuple[str, tuple[str, ...], float], ...]:
    """Titles and synonyms of each code, the code, and what a hit weighs."""
    synonyms = yaml.safe_load(files(__package__).joinpath("synonyms.yaml").read_text("utf-8"))
    titles = dict(THEMES) | {code: title for kind in ASKED_KINDS for code, title in SIGNIFICATIONS[kind].items()}
    return tuple(
        (". ".join([title, *synonyms.get(code, ())]), (code,), _OF_LIST) for code, title in sorted(titles.items())
    )


def _search(texts: Sequence[str], words: str) -> list[tuple[float, int]]:
    """Return (score, number of the text) of the texts that have a word's stem, the best first."""
    import tantivy  # noqa: PLC0415 - needed by a question in words only

    stems = sorted(set(analyzer().analyze(words)))
    if not stems:
        return []
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("words", tokenizer_name="dutch", index_option="freq")
    builder.add_unsigned_field("number", stored=True)
    schema = builder.build()
    index = tantivy.Index(schema)  # without a path it is in memory
    index.register_tokenizer("dutch", analyzer())
    writer = index.writer(num_threads=1)
    for number, text in enumerate(texts):
        writer.add_document(tantivy.Document(words=text, number=number))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    parts: list[Any] = [(tantivy.Occur.Should, tantivy.Query.term_query(schema, "words", stem)) for stem in stems]
    searcher = index.searcher()
    hits = searcher.search(tantivy.Query.boolean_query(parts), limit=_MOST_HITS).hits
    return [(float(score), int(searcher.doc(address)["number"][0])) for score, address in hits]


@cache
def analyzer() -> "TextAnalyzer":
    """Return what makes stems of Dutch words, without those that say nothing."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer  # noqa: PLC0415 - as above

    steps = (Filter.lowercase(), Filter.stopword("dutch"), Filter.stemmer("dutch"), Filter.ascii_fold())
    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for step in steps:
        builder = builder.filter(step)
    return builder.build()
