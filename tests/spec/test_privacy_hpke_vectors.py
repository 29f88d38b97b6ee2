"""HPKE as the library does it, against RFC 9180's vectors, the hybrid draft's, pyhpke, and a calculation of our own.

The suite of parcels, MLKEM768-X25519 with HKDF-SHA256 and AES-256-GCM, has no published vector: the draft's one has
ChaCha20Poly1305 in place of AES. The last test closes that gap: it opens a parcel with RFC 9180's key schedule and the
KEM's combiner written out here, after the same lines have given the draft vector's key and nonce.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from pyhpke import AEADId, CipherSuite, KDFId, KEMId
from pyhpke.kem_key import KEMKey

from services.privacy import parcel
from services.privacy.header import MAX_INNER, SUITE, InnerHeader
from services.privacy.keys import ParticipantKeys, opening_keys, sealing_key

VECTORS = json.loads((Path(__file__).parent / "vectors" / "hpke.json").read_text("utf-8"))["vectors"]
HYBRID = next(vector for vector in VECTORS if vector["kem_id"] == 0x647A)
KEMS = {0x20: KEM.X25519, 0x12: KEM.P521, 0x647A: KEM.MLKEM768_X25519}
KDFS = {1: KDF.HKDF_SHA256, 3: KDF.HKDF_SHA512}
AEADS = {1: AEAD.AES_128_GCM, 2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}
INFO = b"spiegelnet/test"


def unhex(vector: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(vector[name])


def hybrid_private(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


def private_key(vector: dict[str, Any]) -> Any:
    raw = unhex(vector, "skRm")
    if vector["kem_id"] == 0x20:
        return X25519PrivateKey.from_private_bytes(raw)
    if vector["kem_id"] == 0x12:
        return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP521R1())
    return MLKEM768X25519PrivateKey(*hybrid_private(raw))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["origin"])
def test_published_ciphertexts_open(vector: dict[str, Any]) -> None:
    suite = Suite(KEMS[vector["kem_id"]], KDFS[vector["kdf_id"]], AEADS[vector["aead_id"]])
    # The vectors have associated data, which the library's public one-shot call has not.
    opened = openssl.hpke._decrypt_with_aad(
        suite,
        unhex(vector, "enc") + unhex(vector, "ct"),
        private_key(vector),
        info=unhex(vector, "info"),
        aad=unhex(vector, "aad"),
    )
    assert opened == unhex(vector, "pt")


def test_our_key_of_a_seed_is_the_drafts() -> None:
    keys = ParticipantKeys("gm0518", unhex(HYBRID, "skRm"), *[bytes(32)] * 7)
    assert keys.public.seal == unhex(HYBRID, "pkRm")
    opened = openssl.hpke._decrypt_with_aad(
        Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305),
        unhex(HYBRID, "enc") + unhex(HYBRID, "ct"),
        opening_keys(keys)[keys.public.seal_id],
        info=unhex(HYBRID, "info"),
        aad=unhex(HYBRID, "aad"),
    )
    assert opened == unhex(HYBRID, "pt")


@pytest.mark.parametrize("aead", [(AEAD.AES_128_GCM, AEADId.AES128_GCM), (AEAD.AES_256_GCM, AEADId.AES256_GCM)])
def test_what_one_implementation_seals_the_other_opens(aead: tuple[AEAD, AEADId]) -> None:
    ours = Suite(KEM.X25519, KDF.HKDF_SHA256, aead[0])
    theirs = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, aead[1])
    private = X25519PrivateKey.generate()
    sealed = ours.encrypt(b"heen", private.public_key(), info=INFO)
    recipient = theirs.create_recipient_context(sealed[:32], KEMKey.from_pyca_cryptography_key(private), INFO)
    assert recipient.open(sealed[32:]) == b"heen"
    enc, sender = theirs.create_sender_context(KEMKey.from_pyca_cryptography_key(private.public_key()), INFO)
    assert ours.decrypt(enc + sender.seal(b"terug"), private, info=INFO) == b"terug"


def shared_secret(seed: bytes, enc: bytes) -> bytes:
    """The KEM's decapsulation: SHA3-256(ss_M || ss_X || ct_X || pk_X || label), draft-connolly-cfrg-xwing-kem."""
    mlkem, x25519 = hybrid_private(seed)
    ct_x = enc[1088:]
    ss_x = x25519.exchange(X25519PublicKey.from_public_bytes(ct_x))
    parts = mlkem.decapsulate(enc[:1088]), ss_x, ct_x, x25519.public_key().public_bytes_raw(), rb"\.//^\ "[:-1]
    return hashlib.sha3_256(b"".join(parts)).digest()


def key_schedule(secret: bytes, info: bytes, aead_id: int) -> tuple[bytes, bytes]:
    """RFC 9180, sections 4 and 5.1, base mode with HKDF-SHA256: AEAD key of 32 bytes and base nonce of 12."""
    suite_id = b"HPKE" + bytes.fromhex("647a0001") + aead_id.to_bytes(2, "big")

    def extract(salt: bytes, label: bytes, material: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite_id + label + material, "sha256")

    def expand(key: bytes, label: bytes, context: bytes, size: int) -> bytes:
        labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite_id + label + context
        return hmac.digest(key, labelled + b"\x01", "sha256")[:size]  # one block: size is at most 32

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    start = extract(secret, b"secret", b"")
    return expand(start, b"key", context, 32), expand(start, b"base_nonce", context, 12)


def test_our_own_key_schedule_gives_the_drafts_secret_key_and_nonce() -> None:
    secret = shared_secret(unhex(HYBRID, "skRm"), unhex(HYBRID, "enc"))
    assert secret == unhex(HYBRID, "shared_secret")
    assert key_schedule(secret, unhex(HYBRID, "info"), 3) == (unhex(HYBRID, "key"), unhex(HYBRID, "base_nonce"))


def test_a_parcel_is_what_its_description_says_byte_by_byte() -> None:
    """Take a parcel apart with nothing of ours: layout, HPKE with AES-256-GCM, inner header, padding."""
    sender, receiver = ParticipantKeys.generate("es-noord"), ParticipantKeys.generate("gm0518")
    inner = InnerHeader("payment_arrears", 1, b"\x11" * 32, b"\x22" * 16, "2025", 3, last_of_delivery=True)
    sealed_parcel = parcel.seal_parcel(
        sender="es-noord",
        signing_key=sender.signing,
        receiver="gm0518",
        receiver_key=receiver.public.seal,
        stream=b"\x33" * 16,
        sequence=258,
        previous=b"\x44" * 32,
        hour=489_000,
        inner=inner,
        avro=b"avro" * 9,
    )
    size = int.from_bytes(sealed_parcel[:2], "big")
    header, rest = sealed_parcel[2 : 2 + size], sealed_parcel[2 + size :]
    suite = SUITE.encode()
    expected = (
        b"SPN\x01" + bytes([len(suite)]) + suite + b"\x06gm0518" + hashlib.sha256(receiver.public.seal).digest()[:8]
    )
    expected += b"\x08es-noord" + hashlib.sha256(sender.public.signing).digest()[:8]
    assert header.startswith(expected)
    tail = b"\x33" * 16 + (258).to_bytes(8, "big") + b"\x44" * 32 + (489_000).to_bytes(4, "big") + b"\0"
    assert header.endswith(tail)
    assert len(header) == len(expected) + 16 + len(tail)
    sealed, signature = rest[4:-64], rest[-64:]
    assert int.from_bytes(rest[:4], "big") == len(sealed) == 1120 + 4096 + 16
    signed = b"spiegelnet/sig/v1" + sealed_parcel[:2] + header + sealed
    openssl.ed25519.from_public_bytes(sender.public.signing).verify(signature, signed)
    key, nonce = key_schedule(shared_secret(receiver.seal, sealed[:1120]), b"spiegelnet/parcel/v1" + header, 2)
    plain = AESGCM(key).decrypt(nonce, sealed[1120:], b"")
    assert (
        plain.rstrip(b"\0")
        == (
            b"\x0fpayment_arrears\x00\x01"
            + b"\x11" * 32
            + b"\x22" * 16
            + b"\x042025\x00\x00\x00\x03\x01\x00\x00\x00\x24"
        )
        + b"avro" * 9
    )
    assert len(plain) == 4096


def test_room_for_the_inner_header_suffices_for_the_longest_names() -> None:
    longest = InnerHeader("e" * 64, 65_535, bytes(32), bytes(16), "2" * 64, 2**32 - 1, last_of_delivery=True)
    keys = ParticipantKeys.generate("gm0518")
    made = parcel.seal_parcel(
        sender="s" * 64,
        signing_key=keys.signing,
        receiver="r" * 64,
        receiver_key=keys.public.seal,
        stream=bytes(16),
        sequence=2**62,
        previous=bytes(32),
        hour=2**32 - 1,
        inner=longest,
        avro=bytes(parcel.MAX_AVRO_BYTES),
    )
    assert len(made) <= parcel.MAX_PARCEL_BYTES
    assert int.from_bytes(made[:2], "big") <= 512
    assert parcel.MAX_AVRO_BYTES == 1024 * 1024 - MAX_INNER
    assert sealing_key(keys.public.seal) is not None
