"""Randomness by name: what is drawn for one month or file does not depend on which others are made."""

import hashlib

import numpy as np


def chance(*about: object) -> np.random.Generator:
    """A source of chance that depends on the seed and the names given, and on nothing else.

    So a sample of thirteen months has the twelve of a shorter one as its first.
    """
    text = "/".join(str(part) for part in about)
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16]))
