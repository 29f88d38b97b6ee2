"""Who may do what at the broker: users × objects × verbs, asked of the real one; nothing unexpected is allowed."""

from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, errors
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialUpsertion,
)

from services.broker.kafka import KafkaBroker
from services.errors import NotAllowed
from tests.network.broker.conftest import As, Cluster

EVERYTHING = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)


def test_a_participant_reads_its_own_topic_and_nobody_elses(known_as: As, name: str) -> None:
    own, other = known_as(name), known_as(f"{name}-2")
    other.append(f"parcels.{name}", b"", b"to you")
    own.append(f"parcels.{name}", b"", b"to myself")
    own.append(f"parcels.{name}-2", b"", b"to the other")
    assert [each.value for each in own.read(f"parcels.{name}", 0)] == [b"to you", b"to myself"]
    for use in (own.read, lambda topic, _: own.end_offset(topic)):
        with pytest.raises(NotAllowed, match="may not read"):
            use(f"parcels.{name}-2", 0)


def test_the_broker_itself_refuses_to_give_another_ones_messages(known_as: As, name: str) -> None:
    """Also to a client that does not ask first whether it may."""
    own, other = known_as(name), known_as(f"{name}-2")
    own.append(f"parcels.{name}-2", b"", b"secret")
    theirs = own._topics.describe(f"parcels.{name}-2")
    with pytest.raises(NotAllowed):
        own._reader.read(theirs, 0, 1, 1 << 20, 10)
    assert [each.value for each in other.read(f"parcels.{name}-2", 0)] == [b"secret"]


def test_a_participant_may_not_make_topics_or_write_beside_them(known_as: As, name: str, cluster: Cluster) -> None:
    own = known_as(name)
    with pytest.raises(NotAllowed, match="may not create topics"):
        own.create_topic(f"parcels.{name}-new")
    with cluster.broker() as operator:
        operator.create_topic(f"beside.{name}")
    with pytest.raises(NotAllowed):
        own.append(f"beside.{name}", b"", b"a")
    with pytest.raises(NotAllowed):
        own.topic_id(f"beside.{name}")


def refused(answer: Any) -> bool:
    """Whether an answer of the library, which does not always raise, says that something is not allowed."""
    return "AuthorizationFailed" in repr(answer) or "needs ALTER permission" in repr(answer)


def _acl(name: str) -> ACL:
    pattern = ResourcePattern(ResourceType.TOPIC, "parcels.", ACLResourcePatternType.PREFIXED)
    return ACL(f"User:{name}", "*", ACLOperation.READ, ACLPermissionType.ALLOW, pattern)


def _all_acls() -> ACLFilter:
    return ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, EVERYTHING)


ATTEMPTS: dict[str, Callable[[Any, str], Any]] = {
    "delete own topic": lambda library, name: library.delete_topics([f"parcels.{name}"]),
    "delete another's topic": lambda library, name: library.delete_topics([f"parcels.{name}-2"]),
    "alter own topic": lambda library, name: library.alter_configs(
        [ConfigResource("topic", f"parcels.{name}", {"retention.ms": "1"})], raise_on_unknown=False
    ),
    "alter another's topic": lambda library, name: library.alter_configs(
        [ConfigResource("topic", f"parcels.{name}-2", {"retention.ms": "1"})], raise_on_unknown=False
    ),
    "alter the broker": lambda library, _: library.alter_configs(
        [ConfigResource("broker", "1", {"log.cleaner.threads": "2"})], raise_on_unknown=False
    ),
    "see rights": lambda library, _: library.describe_acls(_all_acls()),
    "grant itself rights": lambda library, name: library.create_acls([_acl(name)]),
    "take rights away": lambda library, _: library.delete_acls([_all_acls()]),
    "see users": lambda library, _: library.describe_user_scram_credentials(["admin"]),
    "set another's password": lambda library, name: library.alter_user_scram_credentials(
        [UserScramCredentialUpsertion(f"{name}-2", "SCRAM-SHA-512", "stolen")]
    ),
    "set the operator's password": lambda library, _: library.alter_user_scram_credentials(
        [UserScramCredentialUpsertion("admin", "SCRAM-SHA-512", "stolen")]
    ),
}


@pytest.mark.parametrize("attempt", list(ATTEMPTS))
def test_a_participant_may_administer_nothing(attempt: str, known_as: As, name: str, cluster: Cluster) -> None:
    known_as(name)
    other = known_as(f"{name}-2")
    library = cluster.library(name, "a password")
    try:
        answer = ATTEMPTS[attempt](library, name)
    except errors.AuthorizationError:
        pass
    else:
        assert refused(answer), answer
    finally:
        library.close()
    assert other.end_offset(f"parcels.{name}-2") == 0
    with cluster.admin() as admin:
        found = {item.participant: item for item in admin.participants()}
    assert all(found[item].topic_id and found[item].user and found[item].rights for item in (name, f"{name}-2"))


def test_a_participant_may_use_neither_transactions_nor_groups(known_as: As, name: str, cluster: Cluster) -> None:
    """Either would let it hold up or hide what others write and read."""
    known_as(name)
    settings = cluster.connection(name, "a password").settings()
    producer = KafkaProducer(**settings, transactional_id=f"parcels.{name}")
    with pytest.raises(errors.TransactionalIdAuthorizationFailedError):
        producer.init_transactions()
    producer.close(timeout=0)
    consumer = KafkaConsumer(f"parcels.{name}", **settings, group_id=f"parcels.{name}")
    with pytest.raises(errors.GroupAuthorizationFailedError):
        consumer.poll(timeout_ms=20_000)
    consumer.close(autocommit=False, timeout_ms=0)


def test_a_participant_that_was_withdrawn_can_do_nothing_and_its_topic_stays(
    known_as: As, name: str, cluster: Cluster, log: KafkaBroker
) -> None:
    own = known_as(name)
    own.append(f"parcels.{name}", b"", b"a")
    with cluster.admin() as admin:
        admin.remove_participant(name)
        admin.remove_participant(name)
        (left,) = (item for item in admin.participants() if item.participant == name)
    assert (left.user, left.rights, left.topic_id is None) == (False, False, False)
    with pytest.raises(NotAllowed):  # on the connection that it has
        own.append(f"parcels.{name}", b"", b"b")
    with cluster.broker(name, "a password") as again, pytest.raises(NotAllowed, match="does not let"):
        again.topic_id(f"parcels.{name}")
    assert [each.value for each in log.read(f"parcels.{name}", 0)] == [b"a"]
    back = known_as(name)
    assert [each.value for each in back.read(f"parcels.{name}", 0)] == [b"a"]


def test_making_known_again_keeps_topics_and_sets_the_password(
    known_as: As, name: str, cluster: Cluster, log: KafkaBroker
) -> None:
    own = known_as(name)
    before = own.topic_id(f"parcels.{name}")
    log.append(f"parcels.{name}", b"", b"a")
    with cluster.admin() as admin:
        admin.add_participants({name: "another password", f"{name}-2": "p"})
    with cluster.broker(name, "another password") as again:
        assert again.topic_id(f"parcels.{name}") == before
        assert len(again.read(f"parcels.{name}", 0, expected_id=before)) == 1
    with cluster.broker(name, "a password") as old, pytest.raises(NotAllowed):
        old.topic_id(f"parcels.{name}")


def test_topics_keep_parcels_for_fourteen_days_in_files_of_a_day_and_date_them_by_the_brokers_clock(
    known_as: As, name: str, cluster: Cluster
) -> None:
    known_as(name)
    library = cluster.library()
    (found,) = library.describe_configs([ConfigResource("topic", f"parcels.{name}")])["topic"].values()
    library.close()
    values = {key: str(entry["value"]) for key, entry in found.items() if isinstance(entry, dict)}
    assert values["retention.ms"] == str(14 * 24 * 60 * 60 * 1000)
    assert values["segment.ms"] == str(24 * 60 * 60 * 1000)
    assert values["message.timestamp.type"] == "LogAppendTime"
    assert values["cleanup.policy"] == "delete"
