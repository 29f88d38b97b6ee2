"""Runs of tasks, as they are told: to the log, to the participant's own record, and as lineage."""

from services.runs.record import RunRecord, TaskRecord
from services.runs.running import Run, running, span

__all__ = ["Run", "RunRecord", "TaskRecord", "running", "span"]
