"""Keys: written down and read again, named by id, and never shown by accident."""

import json
import pickle
from dataclasses import fields, replace
from hashlib import sha256

import pytest

from services.privacy.errors import BadKey
from services.privacy.keys import ParticipantKeys, PublicKeys, key_id, sealing_key

KEYS = ParticipantKeys.generate("gm0518")
SECRETS = [getattr(KEYS, each.name) for each in fields(KEYS) if each.name != "participant"]


def test_a_new_participant_gets_eight_different_secrets_of_32_bytes() -> None:
    assert len(set(SECRETS)) == len(SECRETS) == 8
    assert {len(secret) for secret in SECRETS} == {32}
    assert not set(SECRETS) & set(vars(ParticipantKeys.generate("gm0518")).values())


def test_keys_are_read_as_they_were_written() -> None:
    assert ParticipantKeys.from_text(KEYS.to_text()) == KEYS
    assert PublicKeys.from_text(KEYS.public.to_text()) == KEYS.public
    assert pickle.loads(pickle.dumps(KEYS)) == KEYS  # noqa: S301 - own bytes; workers get keys so


def test_a_key_is_named_by_the_start_of_its_hash() -> None:
    assert KEYS.public.seal_id == sha256(KEYS.public.seal).digest()[:8]
    assert KEYS.public.signing_id == key_id(KEYS.public.signing) == sha256(KEYS.public.signing).digest()[:8]


def test_secrets_do_not_show_when_keys_are_printed() -> None:
    shown = f"{KEYS!r} {KEYS} {[KEYS]}"
    assert "gm0518" in shown
    assert not any(secret.hex() in shown or repr(secret) in shown for secret in SECRETS)


def test_public_keys_hold_no_secret() -> None:
    text = KEYS.public.to_text()
    assert not any(secret in KEYS.public.seal for secret in SECRETS)
    assert set(json.loads(text)["keys"]) == {"seal", "signing", "mask"}


def damaged() -> list[str]:
    text = KEYS.to_text()
    body = json.loads(text)
    swapped = body | {"keys": body["keys"] | {"node": body["keys"]["event"]}}
    without = body | {"keys": {name: value for name, value in body["keys"].items() if name != "mask"}}
    return [
        "",
        "[]",
        text[: len(text) // 2],
        text.replace("gm0518", "gm0519"),
        json.dumps(swapped),
        json.dumps(without),
        json.dumps(body | {"keys": []}),
        json.dumps(body | {"check": ""}),
        KEYS.public.to_text(),
    ]


@pytest.mark.parametrize("text", damaged())
def test_a_damaged_key_file_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(BadKey) as refusal:
        ParticipantKeys.from_text(text)
    assert refusal.value.__cause__ is None
    assert "gm051" not in str(refusal.value)


def test_keys_of_the_wrong_length_are_refused() -> None:
    with pytest.raises(BadKey):
        replace(KEYS, node=bytes(31))
    with pytest.raises(BadKey):
        replace(KEYS.public, seal=bytes(1215))
    with pytest.raises(BadKey):
        sealing_key(bytes(1215))
