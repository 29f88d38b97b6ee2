"""What the operator does at a Kafka broker: participants are made known there, and withdrawn.

A participant has a topic of its own, a password, and three rights: it writes to every participant's topic, may know
that these topics are there, and reads its own. It has no other right.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from kafka import errors
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from services.broker.kafka_connection import ADMIN, Connection
from services.broker.kafka_login import MECHANISM
from services.broker.kafka_topics import Topics
from services.errors import NotAllowed, Retryable

T = TypeVar("T")

PREFIX = "parcels."
_ALLOW = ACLPermissionType.ALLOW
_APPLIED_SECONDS = 15.0
_POLL_SECONDS = 0.1
_BATCH = 1_000
"""Changes in one request; the controller refuses much larger ones."""


@dataclass(frozen=True)
class Registered:
    """What the broker has of one participant.

    Attributes:
        participant: its id.
        topic_id: id of cluster and topic; None when there is no topic.
        replicas: on how many brokers the topic is.
        user: whether it can log in.
        rights: whether it has exactly the rights of a participant.
    """

    participant: str
    topic_id: str | None
    replicas: int
    user: bool
    rights: bool


class KafkaAdmin:
    """Acts as the operator; nothing is connected before it is used."""

    def __init__(self, server: str, password: str, ca: Path) -> None:
        """Note where.

        Args:
            server: `host:port`.
            password: of the user `admin`.
            ca: the certificate by which the broker is known (PEM).
        """
        self._connection = Connection(server, ADMIN, password, ca)
        self._topics = Topics(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._topics.close()

    def add_participant(self, participant_id: str, password: str) -> None:
        """Make one participant known; see `add_participants`."""
        self.add_participants({participant_id: password})

    def add_participants(self, passwords: Mapping[str, str]) -> None:
        """Make participants known by their passwords: topic, user, rights; what is there already stays.

        A password is set anew each time; who is connected stays so.

        Raises:
            Retryable, Fatal, NotAllowed: the broker is away, is another one, or this is not the operator's password.
        """
        there = {topic.name for topic in self._topics.describe_many(None)}
        self._topics.create({PREFIX + item for item in passwords} - there)
        self._set_users([UserScramCredentialUpsertion(item, MECHANISM, text) for item, text in passwords.items()])
        missing = [right for item in passwords for right in _rights(item)]
        held = set(self._rights())
        self._grant([right for right in missing if right not in held])
        for item, text in list(passwords.items())[-1:]:
            self._await(item, text)

    def remove_participant(self, participant_id: str) -> None:
        """Take a participant's rights and password away; its topic stays with what is in it.

        Raises: see `add_participants`.
        """
        client = self._topics.connect()
        # Rights first: they are asked for at every request, a password only at the login.
        answers = self._asked(partial(client.delete_acls, [_filter(participant_id)]))
        self._require_done(error for _, _, error in answers)
        if participant_id in self._users():
            self._set_users([UserScramCredentialDeletion(participant_id, MECHANISM)])

    def participants(self) -> list[Registered]:
        """Return what the broker has of each participant, in alphabetical order.

        Raises: see `add_participants`.
        """
        there = (item for item in self._topics.describe_many(None) if item.name.startswith(PREFIX))
        topics = {item.name.removeprefix(PREFIX): item for item in there}
        users = self._users() - {ADMIN}
        rights = defaultdict(set)
        for right in self._rights():
            rights[right.principal].add(right)
        found = []
        for item in sorted(users | topics.keys()):
            topic = topics.get(item)
            found.append(
                Registered(
                    item,
                    topic.id if topic else None,
                    topic.replicas if topic else 0,
                    user=item in users,
                    rights=rights[_principal(item)] == set(_rights(item)),
                )
            )
        return found

    def _await(self, participant_id: str, password: str) -> None:
        """Wait until the last of some participants can log in and read: a broker applies changes in their order."""
        deadline = time.monotonic() + _APPLIED_SECONDS
        connection = replace(self._connection, user=participant_id, password=password)
        while True:
            with Topics(connection) as topics:
                try:
                    if topics.describe(PREFIX + participant_id).readable:
                        return
                except NotAllowed:
                    pass
            if time.monotonic() > deadline:
                raise Retryable(
                    f"The broker does not let {participant_id} in yet.",
                    "It has taken the password and the rights, but not applied them.",
                    "Run again; if it stays so, look into the broker's log.",
                )
            time.sleep(_POLL_SECONDS)

    def _users(self) -> set[str]:
        client = self._topics.connect()
        return set(self._asked(client.describe_user_scram_credentials))

    def _rights(self) -> list[ACL]:
        client = self._topics.connect()
        found, error = self._asked(partial(client.describe_acls, _filter(None)))
        self._require_done([error])
        return list(found)

    def _set_users(self, changes: Sequence[object]) -> None:
        client = self._topics.connect()
        for start in range(0, len(changes), _BATCH):
            part = changes[start : start + _BATCH]
            answers = self._asked(partial(client.alter_user_scram_credentials, part))
            refused = sorted(user for user, message in answers.items() if message)
            if refused:
                raise Retryable(f"The broker did not change the password of {refused[0]}.", todo="Run again.")

    def _grant(self, rights: Sequence[ACL]) -> None:
        client = self._topics.connect()
        for start in range(0, len(rights), _BATCH):
            part = rights[start : start + _BATCH]
            self._require_done(self._asked(partial(client.create_acls, part))["failed"])

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except errors.KafkaError as error:
            self.close()
            raise self._connection.failure(error, "the participants") from None

    def _require_done(self, answers: Iterable[Any]) -> None:
        """Raise the first answer that is an error: the library returns them."""
        for error in answers:
            if error is not errors.NoError:
                raise self._connection.failure(error(), "the participants' rights")


def _principal(participant_id: str) -> str:
    return f"User:{participant_id}"


def _rights(participant_id: str) -> list[ACL]:
    """All that a participant may do."""
    everybody = ResourcePattern(ResourceType.TOPIC, PREFIX, ACLResourcePatternType.PREFIXED)
    own = ResourcePattern(ResourceType.TOPIC, PREFIX + participant_id, ACLResourcePatternType.LITERAL)
    wanted = ((ACLOperation.WRITE, everybody), (ACLOperation.DESCRIBE, everybody), (ACLOperation.READ, own))
    return [ACL(_principal(participant_id), "*", operation, _ALLOW, pattern) for operation, pattern in wanted]


def _filter(participant_id: str | None) -> ACLFilter:
    """All rights of one participant, or of everybody."""
    anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    who = None if participant_id is None else _principal(participant_id)
    return ACLFilter(who, None, ACLOperation.ANY, ACLPermissionType.ANY, anything)
