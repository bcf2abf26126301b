import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequence_search.study.slurm import ArrayJob, read_share, sbatch_script, seconds


def test_a_share_is_read():
    assert read_share("1/1") == (0, 1)
    assert read_share("3/10") == (2, 10)


@given(n_tasks=st.integers(0, 300), count=st.integers(1, 120))
def test_every_task_lies_in_exactly_one_share(n_tasks, count):
    tasks = range(n_tasks)
    shares = [read_share(f"{number}/{count}") for number in range(1, count + 1)]
    parts = [tasks[start::step] for start, step in shares]
    assert sorted(task for part in parts for task in part) == list(tasks)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/0", "a/b", "-1/3", "1/3 ", "1/2/3", ""])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ValueError, match=f"a share is I/N .* 3/10, got '{text}'"):
        read_share(text)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("90", 5400),
        ("4:30", 270),
        ("01:30:05", 5405),
        ("2-12", 216_000),
        ("1-2:03", 93_780),
        ("1-02:03:04", 93_784),
    ],
)
def test_times_mean_what_slurm_reads(time, expected):
    assert seconds(time) == expected


@pytest.mark.parametrize("time", ["", "1h", "01:60:00", "1:2:3:4", "-5", "5-", "3.5", "٣٠", "unlimited"])
def test_other_times_are_refused(time):
    with pytest.raises(ValueError, match=f"time must be MINUTES, .* such as 01:30:00, got '{time}'"):
        ArrayJob(time=time)


def test_a_time_that_leaves_none_for_the_search_is_refused():
    ArrayJob(time="3")
    with pytest.raises(ValueError, match=r"at least 3 minutes, .* got '2:59'"):
        ArrayJob(time="2:59")


def test_no_task_and_no_core_are_refused():
    with pytest.raises(ValueError, match="1 or more, got 0 and 1"):
        ArrayJob(array_cap=0)
    with pytest.raises(ValueError, match="1 or more, got 100 and 0"):
        ArrayJob(n_cpus=0)


def lines_of(**choices):
    n_tasks = choices.pop("n_tasks", 7)
    return sbatch_script(Path("/studies/csf"), n_tasks, ArrayJob(**choices)).splitlines()


def test_a_task_of_the_array_for_each_task_of_the_study_up_to_the_cap():
    assert "#SBATCH --array=1-7" in lines_of(n_tasks=7)
    assert "#SBATCH --array=1-7" in lines_of(n_tasks=7, array_cap=7)
    capped = lines_of(n_tasks=7, array_cap=3)
    assert "#SBATCH --array=1-3" in capped
    assert capped[-1].endswith('resume /studies/csf --share "$SLURM_ARRAY_TASK_ID/3"')


def test_the_script_says_what_was_chosen():
    lines = lines_of(time="2-12", n_cpus=4, partition="long")
    assert {"#SBATCH --time=2-12", "#SBATCH --cpus-per-task=4", "#SBATCH --partition=long"} <= set(lines)
    assert not any("--partition" in line for line in lines_of())


AWKWARD = "a #1 100% 'q' \"d\" $HOME `id` \\n"


@pytest.mark.parametrize("name", ["study", AWKWARD])
def test_bash_runs_the_command_with_the_folder_and_the_share(tmp_path, monkeypatch, name):
    # `echo` in place of Python shows what the script would run.
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    script = tmp_path / "job.sbatch"
    script.write_text(sbatch_script(tmp_path / name, 5, ArrayJob()))
    subprocess.run(["bash", "-n", script], check=True)
    environment = {"SLURM_ARRAY_TASK_ID": "2", "SLURM_CPUS_PER_TASK": "1"}
    ran = subprocess.run(["bash", "-eu", script], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout == f"-m sequence_search resume {tmp_path / name} --share 2/5\n"


def test_the_folder_and_python_are_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = sbatch_script(Path("study"), 1, ArrayJob()).splitlines()[-1]
    assert command.startswith(f"exec {sys.executable} ")
    assert f" {tmp_path / 'study'} " in command
