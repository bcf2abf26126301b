"""Studies as array jobs on a real SLURM of one node; `make slurm-test`, as root on Debian."""

import itertools
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slurm
HERE = Path(__file__).parent
SLURM = "/tmp/sequence-search-slurm"  # setup.sh's own
N_SEEDS = 6
# A few seconds a seed, so that a job can be cut off in the midst of one.
CHOICES = ["--seeds", N_SEEDS, "--strategy", "multistart", "--max-evaluations", 400_000]
PATIENCE_S = 600


@pytest.fixture(scope="module", autouse=True)
def slurm():
    started = subprocess.run([HERE / "setup.sh", SLURM], capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", f"{SLURM}/slurm.conf")
        yield
    subprocess.run([HERE / "teardown.sh", SLURM], check=True)


def output(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sequence_search(*arguments):
    return output(sys.executable, "-m", "sequence_search", *arguments)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Files of a study that one process ran to its end."""
    folder = tmp_path_factory.mktemp("plain") / "study"
    sequence_search("run", "max-signal", *CHOICES, "--out", folder)
    return final_files(folder)


@pytest.fixture
def study(tmp_path):
    """A study that is not begun, in a folder whose name needs quotes."""
    folder = tmp_path / "study #1, 100 %"
    sequence_search("run", "max-signal", *CHOICES, "--out", folder, "--create-only")
    return folder


def final_files(folder):
    """What must not depend on how a study was run."""
    files = [
        *folder.glob("*/seed-*/result.json"),
        *folder.glob("derived/*.csv"),
        *folder.glob("derived/*.md"),
    ]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def finished(folder):
    """Results by file, with what tells whether they were written again."""
    return {file: file.stat().st_mtime_ns for file in folder.glob("*/seed-*/result.json")}


def submit(study, *options, array_cap=2):
    """Number of an array job for the study."""
    sequence_search("slurm", study, "--array-cap", array_cap)
    return output("sbatch", "--parsable", *options, study / "derived" / "slurm.sbatch").strip()


def wait(condition):
    """Until it is true; a machine that is busy may take its time."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, output("squeue")
        time.sleep(0.2)


def wait_for(*jobs):
    wait(lambda: not output("squeue", "--noheader", "--jobs", ",".join(jobs)).strip())


def counts(study):
    (status,) = json.loads(sequence_search("status", study, "--format", "json"))["problems"]
    return {state: status[state] for state in ("done", "running", "interrupted", "waiting", "failed")}


def logs(study):
    """Of the tasks of array jobs."""
    return sorted(study.glob("derived/slurm-*.log"))


def under_way(study):
    """Seeds with a checkpoint."""
    return len(list(study.glob("*/seed-*/checkpoint.npz")))


def test_slurm_itself_works():
    output(HERE / "check.sh", SLURM)


def test_an_array_job_cancelled_half_way_and_submitted_again_ends_at_the_same_files(study, uninterrupted):
    job = submit(study)
    wait(lambda: finished(study) and under_way(study))
    output("scancel", job)
    wait_for(job)
    before = finished(study)
    assert 0 < len(before) < N_SEEDS
    assert counts(study)["interrupted"] > 0

    wait_for(submit(study))
    assert counts(study)["done"] == N_SEEDS
    assert final_files(study) == uninterrupted
    assert before.items() <= finished(study).items()


def test_two_jobs_at_once_search_every_seed_once(study, uninterrupted):
    jobs = [submit(study, array_cap=1), submit(study, array_cap=1)]
    wait_for(*jobs)
    assert final_files(study) == uninterrupted
    # Lines of progress come from the process that searches. "done" may come from one that found it so.
    searched = [set(re.findall(r"^seed (\d+)  step", log.read_text(), re.MULTILINE)) for log in logs(study)]
    assert len(searched) == len(jobs)
    assert all(searched), "one of the jobs found nothing left"
    assert sorted(itertools.chain.from_iterable(searched)) == [str(seed) for seed in range(N_SEEDS)]


def test_a_job_whose_time_is_up_saves_and_goes_on_when_submitted_again(study, uninterrupted):
    # SLURM's notice comes 175 s before the end of three minutes, or up to a minute earlier: soon or at once.
    job = submit(study, "--time=3", "--signal=B:TERM@175", array_cap=1)
    wait_for(job)
    assert "JobState=FAILED" in output("scontrol", "show", "job", job)
    assert "ExitCode=143:0" in output("scontrol", "show", "job", job)
    assert counts(study)["done"] < N_SEEDS

    wait_for(submit(study, array_cap=1))
    assert final_files(study) == uninterrupted


def test_a_job_that_is_requeued_goes_on(study, uninterrupted):
    job = submit(study, array_cap=1)
    wait(lambda: finished(study) and under_way(study))
    output("scontrol", "requeue", f"{job}_1")
    wait(lambda: "JobState=PENDING" in output("scontrol", "show", "job", job))
    assert 0 < len(finished(study)) < N_SEEDS
    output("scontrol", "update", f"JobId={job}_1", "StartTime=now")  # SLURM would wait for two minutes
    wait_for(job)
    assert final_files(study) == uninterrupted
