"""kill -9 of the process, and of workers, at random moments."""

import contextlib
import os
import random
import signal
import subprocess
import time

import psutil
import pytest

from faults.conftest import command, final

pytestmark = pytest.mark.slow


def results(folder):
    """The result files there are, by what changes when one is written again."""
    files = {path: path.stat() for path in folder.glob("*/*/result.json")}
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in files.items()}


@pytest.mark.parametrize(("workers", "n_kills"), [(1, 20), (2, 5)])
def test_killed_at_random_moments_the_same_command_ends_at_the_same_files(
    tmp_path, uninterrupted, workers, n_kills
):
    rng = random.Random(workers)
    folder, done, n_killed, n_checkpoints = tmp_path / "study", {}, 0, 0
    while n_killed < n_kills:
        process = subprocess.Popen(
            command(folder, workers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if rng.random() < 0.2:
            time.sleep(rng.uniform(0, 3))  # a moment of the start
        else:
            wait_for_work(process, folder, time.time())
            time.sleep(rng.expovariate(2))
        process.kill()
        process.wait()
        n_killed += 1
        n_checkpoints += bool(list(folder.glob("*/*/checkpoint.npz")))
        now = results(folder)
        assert {path: now[path] for path in done} == done
        done = now
        if len(done) == 6 and n_killed < n_kills:
            # All is done: the rest of the kills fall into another study.
            assert final_of(folder, workers) == uninterrupted
            folder, done = folder.with_name(f"study-{n_killed}"), {}
    assert n_checkpoints > 0 or workers > 1
    assert final_of(folder, workers) == uninterrupted
    assert {path: results(folder)[path] for path in done} == done
    assert not list(folder.rglob(".new.*"))


def wait_for_work(process, folder, since):
    """Until the process has written a checkpoint or a result, or ended: starting takes longer than a seed."""
    while process.poll() is None:
        for file in [*folder.glob("*/*/checkpoint.npz"), *folder.glob("*/*/result.json")]:
            with contextlib.suppress(FileNotFoundError):  # a checkpoint goes when its seed is done
                if file.stat().st_mtime > since:
                    return
        time.sleep(0.01)


def final_of(folder, workers):
    subprocess.run(command(folder, workers), check=True, capture_output=True)
    return final(folder)


def test_a_worker_killed_mid_seed_twice_loses_only_that_attempt(tmp_path, uninterrupted):
    folder = tmp_path / "study"
    process = subprocess.Popen(command(folder, 2), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for _ in range(2):
        os.kill(busy_worker(process), signal.SIGKILL)
        time.sleep(1)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output.decode()
    assert final(folder) == uninterrupted


def busy_worker(process):
    """A worker that holds the lock of a seed."""
    for _ in range(6000):
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                held = {file.path for file in child.open_files()}
            except psutil.Error:
                continue
            if any(path.endswith("/lock") and "/seed-" in path for path in held):
                return child.pid
        time.sleep(0.01)
    return None


def test_two_processes_share_a_study(tmp_path, uninterrupted):
    folder = tmp_path / "study"
    both = [
        subprocess.Popen(command(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    computed = [line for output in outputs for line in output.splitlines() if line.startswith("searching")]
    assert len(set(computed)) == len(computed) == 6
    assert final(folder) == uninterrupted
