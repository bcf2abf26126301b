import os
import subprocess
import sys
import time

import pytest

from sequence_search.storage import StudyError
from sequence_search.study import workers as engine
from sequence_search.study.workers import map_tasks, worker_environments


def square(task, stop):
    if task == 3:
        raise ArithmeticError("three")
    return task * task, os.getpid(), os.environ.get("OMP_NUM_THREADS")


def wait_for_stop(task, stop):
    with open(task, "w"):
        pass
    for _ in range(600):
        if stop():
            return "stopped"
        time.sleep(0.05)
    return "never"


def die_once(task, stop):
    if not os.path.exists(task):
        with open(task, "w"):
            pass
        os.kill(os.getpid(), 9)
    return "alive"


def results(workers, tasks=range(5), **options):
    return dict(map_tasks(square, list(tasks), workers=workers, **options))


def test_one_worker_is_this_process():
    done = results(1)
    assert str(done.pop(3)) == "three"
    assert {task: number for task, (number, _, _) in done.items()} == {0: 0, 1: 1, 2: 4, 4: 16}
    assert {process for _, process, _ in done.values()} == {os.getpid()}


def test_tasks_not_begun_are_left_out_once_stopped():
    begun = []

    def note(task, stop):
        begun.append(task)

    assert len(list(map_tasks(note, [1, 2, 3], stop=lambda: len(begun) >= 2))) == 2


def test_two_workers_do_the_same_in_other_processes():
    done = results(2)
    assert isinstance(done.pop(3), ArithmeticError)
    assert {task: number for task, (number, _, _) in done.items()} == {0: 0, 1: 1, 2: 4, 4: 16}
    assert os.getpid() not in {process for _, process, _ in done.values()}


def test_tasks_under_way_are_asked_to_end(tmp_path):
    tasks = [str(tmp_path / str(number)) for number in range(4)]
    ended = list(map_tasks(wait_for_stop, tasks, workers=2, stop=lambda: any(map(os.path.exists, tasks))))
    assert 1 <= len(ended) <= 4
    assert {result for _, result in ended} == {"stopped"}


def test_the_task_of_a_worker_that_dies_is_done_by_another(tmp_path):
    ended = list(map_tasks(die_once, [str(tmp_path / "a"), str(tmp_path / "b")], workers=2))
    assert [result for _, result in ended] == ["alive", "alive"]


# Ctrl-C in a terminal goes to all processes: here as the workers start. Then a sudden end while they work.
CTRL_C = """
import os, signal, time
from sequence_search.study.workers import kill_local, map_tasks
asked = []
def press():
    asked.append(1)
    if len(asked) == 1:
        os.killpg(0, signal.SIGINT)
    return False
signal.signal(signal.SIGINT, lambda *_: None)
print(*sorted(map_tasks(lambda task, stop: task, [1, 2], workers=2, stop=press)), flush=True)
def end():
    asked.append(2)
    if asked.count(2) == 8:
        kill_local()
        os._exit(3)
    return False
list(map_tasks(lambda task, stop: time.sleep(60), [1, 2], workers=2, stop=end))
"""


def test_ctrl_c_and_a_sudden_end_leave_nothing_behind():
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "(1, 1) (2, 2)\n", "")


def test_a_users_own_client_and_scheduler_serve():
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
    )
    with cluster, Client(cluster, set_as_default=False) as client:
        assert results(1, [2], client=client)[2][0] == 4
        assert results(1, [2], scheduler=cluster.scheduler_address)[2][0] == 4
        with pytest.raises(StudyError, match="leave them out"):
            results(2, client=client)


def test_a_scheduler_without_workers_is_told_of_once(monkeypatch, caplog):
    from distributed import Client, LocalCluster

    monkeypatch.setattr(engine, "WITHOUT_WORKERS_S", 0.1)
    began = time.monotonic()
    options = {"n_workers": 0, "processes": False, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster, set_as_default=False) as client:
        assert results(1, [2], client=client, stop=lambda: time.monotonic() > began + 1) == {}
    words = [record.message for record in caplog.records if record.name == engine.__name__]
    assert words == ["the Dask scheduler has no worker; waiting for one"]


def test_workers_that_cannot_be_had_are_told():
    with pytest.raises(StudyError, match="workers must be at least 1, got 0"):
        results(0)


@pytest.mark.parametrize(
    ("given", "threads", "gpus"),
    [
        ((1, 8, 0), ["8"], [None]),
        ((2, 8, 0), ["4", "4"], [None, None]),
        ((3, 2, 0), ["1", "1", "1"], [None, None, None]),
        ((3, 16, 2), ["5", "5", "5"], ["0", "1", "0"]),
    ],
)
def test_workers_share_cores_and_have_one_gpu_each(given, threads, gpus):
    environments = worker_environments(*given)
    assert [environment["OMP_NUM_THREADS"] for environment in environments] == threads
    assert [environment.get("CUDA_VISIBLE_DEVICES") for environment in environments] == gpus
