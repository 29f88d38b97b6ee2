"""Words of a person under the receiver's own key."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from services.errors import Fatal
from services.registry import load_registry
from services.stories.text import PREFIX, StoryKey, opened_words, sealed_words, text_fields

KEY = StoryKey(bytes(range(64)))
IDS = pl.Series("event_id", [bytes([number]) * 16 for number in range(3)], dtype=pl.Binary)
WORDS = pl.Series("body", ["Een brief.", None, "Een brief."])


@given(st.lists(st.none() | st.text(max_size=50), max_size=6))
def test_what_is_sealed_opens_and_null_stays_null(texts: list[str | None]) -> None:
    ids = pl.Series([bytes([number]) * 16 for number in range(len(texts))], dtype=pl.Binary)
    words = pl.Series("body", texts, dtype=pl.String)
    sealed = KEY.seal(words, ids, "body")
    assert sealed.is_null().to_list() == [text is None for text in texts]
    assert KEY.open(sealed, ids, "body").to_list() == texts


def test_the_sealed_form_is_that_of_rfc_5297_with_event_and_field_as_associated_data() -> None:
    """Opened by the library itself, so that a later version can read what this one wrote."""
    sealed = KEY.seal(WORDS, IDS, "body")
    bare = base64.b64decode(str(sealed[2]).removeprefix(PREFIX))
    opened = AESSIV(bytes(range(64))).decrypt(bare, [b"spiegelnet/story/v1", bytes([2]) * 16, b"body"])
    assert opened == b"Een brief."


def test_the_same_event_has_the_same_bytes_and_another_one_other_bytes() -> None:
    sealed = KEY.seal(WORDS, IDS, "body")
    assert sealed.equals(KEY.seal(WORDS, IDS, "body"))
    assert sealed[0] != sealed[2]
    assert KEY.seal(WORDS, IDS, "title")[0] != sealed[0]


@pytest.mark.parametrize("broken", ["another key", "another event", "another field", "changed", "in clear"])
def test_what_was_not_sealed_so_does_not_open_and_the_error_repeats_nothing(broken: str) -> None:
    sealed = KEY.seal(WORDS, IDS, "body")
    key = StoryKey(bytes(64)) if broken == "another key" else KEY
    ids = IDS.reverse() if broken == "another event" else IDS
    field = "title" if broken == "another field" else "body"
    if broken == "another event":
        sealed = pl.Series([sealed[0], None, None])
    if broken == "changed":
        text = str(sealed[0])
        sealed = pl.Series([text[:-3] + ("A" if text[-3] != "A" else "B") + text[-2:], None, None])
    if broken == "in clear":
        sealed = WORDS
    with pytest.raises(Fatal) as error:
        key.open(sealed, ids, field)
    assert "brief" not in str(error.value).lower()


def test_a_key_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "gm0518" / "story.key"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(StoryKey.create, [path] * 8))
    assert len({key.secret for key in made}) == 1
    assert len(made[0].secret) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["story.key"]
    assert StoryKey.load(path) == made[0]
    assert made[0].secret.hex() not in repr(made[0])


def test_a_key_that_is_away_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match=r"story\.key cannot be read"):
        StoryKey.load(tmp_path / "story.key")
    (tmp_path / "story.key").write_bytes(bytes(32))
    with pytest.raises(Fatal, match="64 bytes"):
        StoryKey.create(tmp_path / "story.key")


def test_all_words_of_an_event_are_sealed_and_nothing_else() -> None:
    story = load_registry().get("story")
    assert text_fields(story) == ["provider", "title", "body", "meaning"]
    event = {
        "event_id": bytes(16),
        "provider": None,
        "title": "Titel",
        "body": "Verhaal",
        "meaning": "M",
        "theme": "work",
    }
    frame = pl.DataFrame([event], schema_overrides={"provider": pl.String})
    sealed = sealed_words(KEY, story, frame)
    assert sealed.select("event_id", "provider", "theme").row(0) == (bytes(16), None, "work")
    assert all(str(sealed[name][0]).startswith(PREFIX) for name in ("title", "body", "meaning"))
    assert opened_words(KEY, story, sealed).equals(frame)
