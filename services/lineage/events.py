"""Runs as OpenLineage events: START, then COMPLETE or FAIL, written down and sent on; never a reason to fail."""

import datetime as dt
import os
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any

from services.errors import SpiegelnetError
from services.lineage.datasets import NAMESPACE, Flow
from services.logs import Logger
from services.network import Network

SEND_SECONDS = 3.0
"""The longest that a collector of lineage may keep a task waiting, per event."""


class Lineage:
    """The events of one run."""

    def __init__(self, network: Network, participant: str, task: str, period: str | None, log: Logger) -> None:
        """Take what the run is about; nothing is written yet."""
        self.run_id = str(_time_ordered_id())
        self._network = network
        self._participant = participant
        self._task = task
        self._period = period
        self._log = log
        self._began = network.now()

    def start(self) -> None:
        """Say that the run began, as it was made."""
        self._emit("START", self._began, None, None)

    def complete(self, flow: Callable[[], Flow] | None) -> None:
        """Say that the run ended well, and what it read and wrote."""
        self._emit("COMPLETE", self._network.now(), flow, None)

    def fail(self, error: SpiegelnetError) -> None:
        """Say that the run failed, and why."""
        self._emit("FAIL", self._network.now(), None, error)

    def _emit(
        self, state: str, at: dt.datetime, flow: Callable[[], Flow] | None, error: SpiegelnetError | None
    ) -> None:
        """Write one event; whatever goes wrong with it is said in the log and is no matter of the task."""
        from services.lineage import openlineage as wire  # noqa: PLC0415 - a slow import, not needed to read settings

        try:
            about = wire.About(self.run_id, NAMESPACE, self._participant, self._task, self._period, self._network.epoch)
            event = wire.run_event(about, state, at, flow() if flow else None, error)
            self._write(wire.to_json(event))
            url = self._network.settings.lineage.url
            if url:
                wire.send(url, event, SEND_SECONDS)
        except Exception as fault:  # noqa: BLE001 - of any kind: lineage must not stop what it tells of
            self._log.warning("lineage not written", participant=self._participant, fault=type(fault).__name__)

    def _write(self, line: str) -> None:
        """Append one line in one write, so that two processes of one participant do not mix theirs."""
        path = self._network.home.lineage(self._participant)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode() + b"\n")
        finally:
            os.close(descriptor)


def _time_ordered_id() -> Any:
    """Return a UUID of version 7 (RFC 9562): ids of later runs sort behind."""
    stamp = (time.time_ns() // 1_000_000) & (1 << 48) - 1
    bits = stamp << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return uuid.UUID(int=bits)
