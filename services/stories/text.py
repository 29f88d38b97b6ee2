"""Words of a person, under the key of the participant that receives them: in its store and nowhere else do they open.

AES-SIV (RFC 5297) with the event's id and the field's name as associated data. It is deterministic, so that an event
that comes again has the same bytes; equal words of two events, or in two fields, have different ones. A nonce is not
needed: the id makes each input one of its own.
"""

import base64
import os
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from services.errors import Fatal
from services.registry import EventType

KEY_SIZE: Final = 64
CONTEXT: Final = b"spiegelnet/story/v1"
PREFIX: Final = "spiegelnet/story/v1:"
"""What sealed words begin with; base64 follows."""


@dataclass(frozen=True)
class StoryKey:
    """A participant's own key for words."""

    secret: bytes = field(repr=False)

    @staticmethod
    def load(path: Path) -> "StoryKey":
        """Read a key.

        Raises:
            Fatal: the file is missing, cannot be read or is no key.
        """
        try:
            secret = path.read_bytes()
        except OSError as error:
            raise Fatal(
                f"The key of stories {path} cannot be read.",
                f"{type(error).__name__}. Without it the words of stories stay sealed.",
                "Restore it from a copy.",
            ) from None
        if len(secret) != KEY_SIZE:
            raise Fatal(f"{path} is no key of stories.", f"It must have {KEY_SIZE} bytes.", "Restore it from a copy.")
        return StoryKey(secret)

    @staticmethod
    def create(path: Path) -> "StoryKey":
        """Make a key, readable by the owner only, where there is none; return the one that is there.

        Raises:
            Fatal: see `load`.
        """
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(KEY_SIZE))
            try:
                os.link(draft, path)  # of two processes one is first, and both use its key
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return StoryKey.load(path)

    def seal(self, texts: pl.Series, event_ids: pl.Series, name: str) -> pl.Series:
        """Seal words.

        Args:
            texts: String; null stays null.
            event_ids: of the same length, Binary (16 bytes each).
            name: of the field in which they are.

        Returns:
            String, `spiegelnet/story/v1:` and base64.
        """
        sealed = [
            None if text is None else self.seal_one(text, event_id, name)
            for text, event_id in zip(texts, event_ids, strict=True)
        ]
        return pl.Series(texts.name, sealed, dtype=pl.String)

    def open(self, texts: pl.Series, event_ids: pl.Series, name: str) -> pl.Series:
        """Open words that `seal` sealed with the same ids and field; null stays null.

        Raises:
            Fatal: another key, event or field, changed bytes, or words that are not sealed.
        """
        opened = [
            None if text is None else self.open_one(text, event_id, name)
            for text, event_id in zip(texts, event_ids, strict=True)
        ]
        return pl.Series(texts.name, opened, dtype=pl.String)

    @cached_property
    def _cipher(self) -> AESSIV:
        return AESSIV(self.secret)

    def seal_one(self, text: str, event_id: bytes, name: str) -> str:
        """Seal one text; see `seal`."""
        sealed = self._cipher.encrypt(text.encode(), _associated(event_id, name))
        return PREFIX + base64.b64encode(sealed).decode()

    def open_one(self, text: str, event_id: bytes, name: str) -> str:
        """Open one text; see `open`.

        Raises:
            Fatal: likewise.
        """
        begin, sealed = text[: len(PREFIX)], text[len(PREFIX) :]
        try:
            return self._cipher.decrypt(
                base64.b64decode(sealed if begin == PREFIX else "", validate=True), _associated(event_id, name)
            ).decode()
        except (InvalidTag, ValueError):
            raise Fatal(
                "Words of a story do not open.",
                "They were sealed with another key, or what is stored was changed.",
                "Restore the key of stories (story.key), or the store, from a copy.",
            ) from None


def text_fields(event_type: EventType) -> list[str]:
    """Return the fields that hold words of a person: those of privacy class `text`."""
    return [item["name"] for item in event_type.schema["fields"] if item["privacy"] == "text"]


def sealed_words(key: StoryKey, event_type: EventType, events: pl.DataFrame) -> pl.DataFrame:
    """Return events with their words sealed; `events` has `event_id`."""
    names = text_fields(event_type)
    return events.with_columns(key.seal(events[name], events["event_id"], name) for name in names)


def opened_words(key: StoryKey, event_type: EventType, events: pl.DataFrame) -> pl.DataFrame:
    """Return events with their words open, for who may see them and as long as that takes.

    Raises:
        Fatal: see `StoryKey.open`.
    """
    names = text_fields(event_type)
    return events.with_columns(key.open(events[name], events["event_id"], name) for name in names)


def _associated(event_id: bytes, name: str) -> list[bytes]:
    return [CONTEXT, event_id, name.encode()]
