"""What the server of worker processes does once, before it forks: the imports and parsing that every worker needs."""

import atexit
import gc

import great_expectations  # noqa: F401 - seconds, once instead of once per worker
import pyarrow as pa

import services.lineage.openlineage
import services.tasks  # noqa: F401 - with all that it imports
from services.gate.rows import prepare_suites
from services.indicators import load_catalogue
from services.registry import load_registry

pa.set_cpu_count(1)  # one thread per worker, as for Polars: there is a worker per core
prepare_suites(load_registry())
load_catalogue()
# What is here now lives for ever: the workers' garbage collector need not look at it again.
gc.freeze()
atexit.register(gc.unfreeze)  # else DuckDB reports at the end of a command that its objects were never let go of
