"""Work of many participants on all cores: one worker process per core, each task one participant's own work."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.forkserver import ensure_running
from typing import ParamSpec, Self, TypeVar

from services.config import one_thread_per_worker

P = ParamSpec("P")
T = TypeVar("T")


class InThisProcess(Executor):
    """Runs each task at once in the calling process: for one worker, and to see errors where they arise."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn` now and return its finished future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is raised again by future.result()
            future.set_exception(error)
        return future

    def __enter__(self) -> Self:
        return self


@contextmanager
def workers(count: int) -> Iterator[Executor]:
    """Yield an executor of `count` processes.

    The processes are forked from a server that has the slow imports done once (Great Expectations alone takes eight
    seconds); a fork of this process would not be safe beside Polars' and DuckDB's threads.
    """
    if count == 1:
        yield InThisProcess()
        return
    one_thread_per_worker()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["services.preload"])
    ensure_running()  # its imports begin now, beside ours; a first task would wait for them
    executor = ProcessPoolExecutor(count, mp_context=context)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def warmed(executor: Executor) -> Future[None]:
    """Start the workers without waiting for their imports; the future is done when the first of them is ready."""
    starter = ThreadPoolExecutor(1)
    future = starter.submit(lambda: executor.submit(_ready).result())
    starter.shutdown(wait=False)
    return future


def _ready() -> None:
    """Do nothing: a worker that has done this has its imports behind it."""


def each(
    executor: Executor, work: Callable[..., T], tasks: Iterable[tuple[object, ...]], on_done: Callable[[], None]
) -> list[T]:
    """Run `work(*task)` for every task and return the results in the order of the tasks.

    `on_done` is called after each finished task. The first error ends the run and is raised.
    """
    futures = [executor.submit(work, *task) for task in tasks]
    try:
        for future in as_completed(futures):
            future.result()
            on_done()
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return [future.result() for future in futures]
