"""What can be wrong with keys, parcels and pseudonyms: one class each, so that none is mistaken for another.

"Not my key" and "tampered" call for different deeds of different people; nothing here is told by returning False.
No message holds key material, a pseudonym or anything that was sealed.
"""

from typing import ClassVar


class PrivacyError(Exception):
    """Base of this folder's errors.

    Attributes:
        code: short name by which refused parcels are counted.
    """

    code: ClassVar[str] = "privacy"


class Malformed(PrivacyError):
    """The bytes do not have the form of what they should be: cut off, too long, or not canonical."""

    code = "malformed"


class TooLarge(PrivacyError):
    """More bytes than a parcel may hold."""

    code = "too_large"


class UnknownSuite(PrivacyError):
    """A format version or a set of algorithms that is not on our list."""

    code = "unknown_suite"


class NotMyKey(PrivacyError):
    """Sealed to another receiver, or to a key that this receiver does not have (any more)."""

    code = "not_my_key"


class WrongSender(PrivacyError):
    """Signed with a key that is not the one registered for the sender the header names."""

    code = "wrong_sender"


class BadSignature(PrivacyError):
    """The signature does not belong to these bytes and this key."""

    code = "bad_signature"


class Tampered(PrivacyError):
    """Sealed to this key, but what is inside does not open: it or its header was changed."""

    code = "tampered"


class BadKey(PrivacyError):
    """Key material of the wrong length or kind, or a damaged key file."""

    code = "bad_key"


class BadElement(PrivacyError):
    """A blinded message that is not a canonical, non-identity element of the group."""

    code = "bad_element"


class BadProof(PrivacyError):
    """A key service's answer was not made with the key that it has published."""

    code = "bad_proof"
