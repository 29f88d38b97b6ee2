"""The log of parcels between participants: a SQLite file on one machine, Apache Kafka in the network."""

from services.broker.log import MAX_MESSAGE_BYTES, Broker, Message, UnknownTopic
from services.broker.sqlite import SqliteBroker

__all__ = ["MAX_MESSAGE_BYTES", "Broker", "Message", "SqliteBroker", "UnknownTopic"]
