"""Outer pseudonyms of a column of addresses: from the cache what is known, from both key services the rest."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from services.errors import Fatal, Rejected
from services.keyservice import KeyService
from services.privacy import oprf
from services.privacy.errors import BadKey, BadProof, Malformed
from services.privacy.pseudonym import combine, oprf_input
from services.sending.pseudonym_cache import PseudonymCache

KINDS = ("address",)
"""Of what pseudonyms are made and kept here."""
BATCH = 2000
"""Addresses asked at once: answers in about a second, and as much as is lost when the command is killed."""


def outer_pseudonyms(
    services: tuple[KeyService, KeyService],
    cache: PseudonymCache,
    receiver: str,
    epoch: str,
    kind: str,
    identifiers: pl.Series,
    progress: Callable[[int, int], None] | None = None,
) -> pl.Series:
    """Return the outer pseudonym of each identifier.

    Only distinct identifiers that the cache lacks are asked, in batches that are kept one by one: a command that is
    killed asks at most one batch again. When it lacks none, the key services are not needed and may be away.

    Args:
        services: both key services, always in the same order.
        cache: the sender's.
        receiver: participant id of whom the pseudonyms are for.
        epoch: calendar year.
        kind: `household` or `person`.
        identifiers: String, canonical; null stays null.
        progress: called with (identifiers asked so far, identifiers to ask).

    Returns:
        A Binary series of 32 bytes each, of the same length and order, named `outer`.

    Raises:
        Fatal: a key service's key is not the one used before, its answer is not made with that key, or the cache does
            not open.
        Retryable: a key service is away, and not all pseudonyms are known.
        Rejected: an identifier is empty or far too long.
    """
    scope = cache.scope(receiver, epoch, kind)
    wanted = identifiers.drop_nulls().unique(maintain_order=True).alias("identifier")
    found = wanted.to_frame().with_columns(cache.tags(scope, wanted))
    found = found.join(cache.load(scope), on="tag", how="left", maintain_order="left")
    if found["outer"].null_count():
        missing = found.filter(pl.col("outer").is_null())
        made = _made(services, cache, (receiver, epoch), kind, missing, progress)
        found = pl.concat([found.filter(pl.col("outer").is_not_null()), missing.with_columns(made)])
    of_each = found.select("identifier", "outer")
    return identifiers.to_frame("identifier").join(of_each, on="identifier", how="left", maintain_order="left")["outer"]


def _made(
    services: tuple[KeyService, KeyService],
    cache: PseudonymCache,
    receiver_epoch: tuple[str, str],
    kind: str,
    missing: pl.DataFrame,
    progress: Callable[[int, int], None] | None,
) -> pl.Series:
    """Ask the pseudonyms of these identifiers, and keep them batch by batch."""
    scope, made = cache.scope(*receiver_epoch, kind), list[bytes]()
    public_keys = _pinned(services, cache, scope, receiver_epoch)
    for start in range(0, missing.height, BATCH):
        part = missing.slice(start, BATCH)
        outers = _ask(services, public_keys, receiver_epoch, _inputs(kind, part["identifier"]))
        cache.add(scope, part["tag"].to_list(), outers)
        made += outers
        if progress:
            progress(start + part.height, missing.height)
    return pl.Series("outer", made, dtype=pl.Binary)


def _pinned(
    services: tuple[KeyService, KeyService], cache: PseudonymCache, scope: bytes, receiver_epoch: tuple[str, str]
) -> tuple[bytes, bytes]:
    """Return the public keys that the services show, if they are those that were used before."""
    first, second = (service.public_key(*receiver_epoch) for service in services)
    cache.pin(scope, first + second)
    return first, second


def _inputs(kind: str, identifiers: pl.Series) -> list[bytes]:
    try:
        return [oprf_input(kind, identifier) for identifier in identifiers]
    except Malformed as error:
        raise Rejected(
            "No pseudonym can be made of an identifier.", str(error), "Mend it at the source and send again."
        ) from error


def _ask(
    services: tuple[KeyService, KeyService],
    public_keys: tuple[bytes, bytes],
    receiver_epoch: tuple[str, str],
    inputs: Sequence[bytes],
) -> list[bytes]:
    """Make the outer pseudonyms of one batch; both services get the same blinded points, see `oprf.Blinding`.

    They are asked at the same time: where they are processes of their own, each works while the other does.
    """
    blinding = oprf.blind(inputs)
    with ThreadPoolExecutor(len(services)) as pool:
        answers = list(pool.map(lambda service: service.evaluate(*receiver_epoch, blinding.blinded), services))
    first, second = (
        _values(service, public_key, blinding, answer)
        for service, public_key, answer in zip(services, public_keys, answers, strict=True)
    )
    return [combine(one, two) for one, two in zip(first, second, strict=True)]


def _values(service: KeyService, public_key: bytes, blinding: oprf.Blinding, answer: bytes) -> list[bytes]:
    try:
        return oprf.finalize(blinding, answer, public_key)
    except (BadProof, BadKey, Malformed) as error:
        raise Fatal(
            f"Key service {service.id} gave a wrong answer; no pseudonym was made of it.",
            str(error),
            "Send nothing more; ask the organisation that runs the key service.",
        ) from error
