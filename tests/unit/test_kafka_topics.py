"""With which settings topics are made at Kafka, by the number of brokers that hold them."""

import pytest

from services.broker.kafka_topics import topic_settings


@pytest.mark.parametrize(("replicas", "in_sync", "flushed"), [(1, "1", "1"), (2, "1", None), (3, "2", None)])
def test_only_a_broker_alone_writes_each_message_to_disk_before_it_acknowledges_it(
    replicas: int, in_sync: str, flushed: str | None
) -> None:
    made = topic_settings(replicas)
    assert (made["min.insync.replicas"], made.get("flush.messages")) == (in_sync, flushed)


def test_a_parcel_is_kept_for_fourteen_days_and_is_gone_a_day_later() -> None:
    made = topic_settings(3)
    days = [int(made[name]) / 86_400_000 for name in ("retention.ms", "segment.ms")]
    assert days == [14, 1]
    assert made["cleanup.policy"] == "delete"
