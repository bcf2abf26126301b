"""Tasks on one process or many: here, or on Dask workers of this machine or a user's cluster."""

from __future__ import annotations

import logging
import math
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sequence_search.storage import StudyError

if TYPE_CHECKING:
    from distributed import Client

Task = TypeVar("Task")
Result = TypeVar("Result")
Stop = Callable[[], bool]
Work = Callable[[Task, Stop], Result]
Ended = Iterator[tuple[Task, Result | Exception]]

LOG = logging.getLogger(__name__)
ASK_EVERY_S = 0.5  # how often a worker asks over the network whether to stop
LOOK_EVERY_S = 0.2
# Then local workers are started anew; that a user's cluster has none is told.
WITHOUT_WORKERS_S = 15.0
START_S = 60.0  # that local workers may take to start
MOST_CLUSTERS = 4
WAIT_FOR_STOP_S = 60.0  # for tasks under way to end by themselves


def map_tasks(
    function: Work[Task, Result],
    tasks: Sequence[Task],
    *,
    workers: int = 1,
    scheduler: str | None = None,
    client: Client | None = None,
    stop: Stop = lambda: False,
) -> Ended[Task, Result]:
    """Apply a function to every task; each is given as soon as it ends, in any order, with what came of it.

    That is what the function returned or, if it raised or worker after worker died of it, the exception.
    A StudyError if there is no worker to be had.

    Parameters
    ----------
    function : callable (task, stop) -> result
        Asks `stop` now and then and, once that is true, returns early. For other processes than this one
        it and its tasks and results are pickled on the way.
    tasks : sequence
    workers : int
        One is this process itself, without Dask. More are processes of this machine that share its cores,
        and its GPUs, where it has some.
    scheduler : str, optional
        Address or scheduler file of a user's own Dask cluster, in place of `workers`.
    client : distributed.Client, optional
        Of a user's own Dask cluster, in place of both.
    stop : callable () -> bool
        Once true, tasks not begun are left out, and those under way are asked to end.
    """
    if workers < 1:
        raise StudyError(f"workers must be at least 1, got {workers}")
    if workers > 1 and (scheduler or client):
        raise StudyError("workers are those of the scheduler or client, where one is given: leave them out")
    if client is not None:
        yield from _on_workers(function, tasks, client, stop)
    elif scheduler is not None:
        with _joined(scheduler) as joined:
            yield from _on_workers(function, tasks, joined, stop)
    elif workers == 1:
        yield from _here(function, tasks, stop)
    else:
        yield from _on_local_workers(function, tasks, workers, stop)


def _on_local_workers(
    function: Work[Task, Result], tasks: Sequence[Task], workers: int, stop: Stop
) -> Ended[Task, Result]:
    """Use processes of this machine; where all were killed at once, new ones, a few times."""
    left = list(tasks)
    for _ in range(MOST_CLUSTERS):
        if not left or stop():
            return
        with _local(min(workers, len(left))) as client:
            for task, result in _on_workers(function, left[:], client, stop, lasting=False):
                left.remove(task)
                yield task, result
    if left and not stop():
        raise StudyError("all workers died, again and again: is there too little memory for so many?")


def _here(function: Work[Task, Result], tasks: Sequence[Task], stop: Stop) -> Ended[Task, Result]:
    for task in tasks:
        if stop():
            return
        try:
            result = function(task, stop)
        except Exception as error:
            yield task, error
        else:
            yield task, result


def _on_workers(
    function: Work[Task, Result], tasks: Sequence[Task], client: Client, stop: Stop, lasting: bool = True
) -> Ended[Task, Result]:
    """Give tasks as they end; if workers come from nowhere else (not `lasting`), end once none is left."""
    from distributed import Event

    # When there was a worker, or would be one of those that start; infinite once its absence was told.
    seen = time.monotonic() + (0.0 if lasting else START_S)
    flag = f"stop-{uuid.uuid4().hex}"
    futures = {client.submit(_call, function, task, flag, pure=False): task for task in tasks}
    stopped_at: float | None = None
    try:
        while futures:
            for future in [future for future in futures if future.done()]:
                task = futures.pop(future)
                if not future.cancelled():
                    yield task, future.exception() or future.result()
            if client.status not in ("running", "connecting"):
                raise StudyError("the connection to the Dask scheduler is lost; the same command goes on")
            if client.scheduler_info()["workers"]:
                seen = time.monotonic()
            elif time.monotonic() - seen > WITHOUT_WORKERS_S:
                if not lasting:
                    return
                LOG.warning("the Dask scheduler has no worker; waiting for one")
                seen = math.inf
            if stopped_at is None and stop():
                stopped_at = time.monotonic()
                Event(flag, client=client).set()
                under_way = {key for keys in client.processing().values() for key in keys}
                waiting = [future for future in futures if future.key not in under_way]
                client.cancel(waiting)
                for future in waiting:
                    del futures[future]
            if stopped_at is not None and time.monotonic() - stopped_at > WAIT_FOR_STOP_S:
                return
            time.sleep(LOOK_EVERY_S if futures else 0)
    finally:
        client.cancel(list(futures))


def _call(function: Work[Task, Result], task: Task, flag: str) -> Result:
    """Work on a task in a worker."""
    return function(task, _AskScheduler(flag))


class _AskScheduler:
    """Whether the flag is set; asked over the network now and then only, and not again once it is."""

    def __init__(self, flag: str) -> None:
        self._flag, self._asked, self._answer = flag, 0.0, False

    def __call__(self) -> bool:
        from distributed import Event

        if not self._answer and time.monotonic() - self._asked > ASK_EVERY_S:
            try:
                self._answer = bool(Event(self._flag).is_set())
            except Exception:  # closing down, or no scheduler any more: nobody waits for the result
                self._answer = True
            self._asked = time.monotonic()
        return self._answer


@contextmanager
def _joined(scheduler: str) -> Iterator[Client]:
    """Join a user's own cluster, by its address or scheduler file."""
    from distributed import Client

    where = {"scheduler_file": scheduler} if Path(scheduler).exists() else {"address": scheduler}
    try:
        client = Client(**where, timeout=10, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise StudyError(
            f"no Dask scheduler answers at '{scheduler}', which is neither a scheduler file nor an address "
            f"as tcp://host:8786: {error}"
        ) from None
    with client:
        yield client


@contextmanager
def _local(n_workers: int) -> Iterator[Client]:
    """Start processes of this machine on its loopback interface, without waiting for them."""
    import torch
    from dask.system import CPU_COUNT
    from distributed import Client, Nanny, Scheduler, SpecCluster

    options = {"host": "127.0.0.1", "port": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    of_all = options | {"nthreads": 1, "memory_limit": None, "silence_logs": logging.ERROR}
    of_all["preload"] = [__name__]
    environments = worker_environments(n_workers, CPU_COUNT, torch.cuda.device_count())
    workers = {
        number: {"cls": Nanny, "options": of_all | {"env": environment}}
        for number, environment in enumerate(environments)
    }
    with _interrupts_held():  # in the thread that starts the workers for good, and so in all of them
        cluster = SpecCluster(scheduler={"cls": Scheduler, "options": options}, silence_logs=logging.ERROR)
    with cluster, Client(cluster, set_as_default=False) as client:
        cluster.worker_spec.update(workers)
        cluster.scale(n_workers)
        yield client


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Make Ctrl-C, which a terminal sends to all processes, wait; what is begun meanwhile inherits that."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # else it starts, and frees the signal, in the thread of the workers
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def dask_setup(worker: object) -> None:
    """Ignore Ctrl-C; run on each local worker as it starts, for systems where it could not be held."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def kill_local() -> None:
    """Kill local workers and free the semaphores they share, before `os._exit`, which leaves both behind."""
    import multiprocessing.util

    multiprocessing.util._run_finalizers(0)  # type: ignore[attr-defined] # what a process does as it ends
    for process in multiprocessing.active_children():
        process.kill()


def worker_environments(n_workers: int, n_cores: int, n_gpus: int) -> list[dict[str, str]]:
    """Environment variables of each worker: its share of the cores, and one GPU where there are some."""
    threads = str(max(1, n_cores // n_workers))
    shared = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    return [
        shared | ({"CUDA_VISIBLE_DEVICES": str(number % n_gpus)} if n_gpus else {})
        for number in range(n_workers)
    ]
