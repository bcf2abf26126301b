import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sequence_search.cli import app
from sequence_search.problem.problem import Problem
from sequence_search.storage import StudyError
from sequence_search.study.slurm import ArrayJob, read_share, sbatch_script, seconds, write_script
from sequence_search.study.study import Study

# A search that ends after its first round.
TINY = {
    "n_starts": 4,
    "n_children": 4,
    "max_rounds": 1,
    "n_polished": 1,
    "n_per_tissue": 4,
    "steps": 2,
}
N_SEEDS = 3


@pytest.fixture
def study(tmp_path):
    return Study.create(tmp_path / "study", Problem.load("max-signal"), seeds=range(N_SEEDS), **TINY)


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def done_seeds(study):
    return [int(file.parent.name[-4:]) for file in sorted(study.folder.glob("*/seed-*/result.json"))]


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


def test_the_script_lies_in_the_study_with_a_task_for_each_of_its_own(study):
    script = write_script(study, ArrayJob())
    assert script == study.folder / "derived" / "slurm.sbatch"
    assert script.read_text() == sbatch_script(study.folder, N_SEEDS, ArrayJob())


def test_a_finished_study_has_nothing_to_submit(study):
    study.run()
    with pytest.raises(StudyError, match=r"nothing is left to search: 3 seeds done$"):
        write_script(study, ArrayJob())
    assert not (study.folder / "derived" / "slurm.sbatch").exists()


def test_resume_searches_its_share_and_then_the_rest(study):
    assert call("resume", study.folder, "--share", "2/3").exit_code == 0
    assert done_seeds(study) == [1]
    assert call("resume", study.folder).exit_code == 0
    assert done_seeds(study) == [0, 1, 2]


def test_resume_says_what_is_wrong(study, tmp_path):
    wrong = call("resume", study.folder, "--share", "4/3")
    assert wrong.exit_code == 2
    assert "such as 3/10, got '4/3'" in wrong.stderr
    missing = call("resume", tmp_path / "nowhere")
    assert missing.exit_code == 2
    assert "nowhere holds no study" in missing.stderr


def test_slurm_writes_what_was_asked_for(study):
    choices = ["--array-cap", 2, "--time", "2-12", "--cpus-per-task", 4, "--partition", "long"]
    wrote = call("slurm", study.folder, *choices)
    script = study.folder / "derived" / "slurm.sbatch"
    assert wrote.exit_code == 0
    assert f"sbatch {script}" in wrote.stdout
    assert script.read_text() == sbatch_script(study.folder, N_SEEDS, ArrayJob(2, "2-12", 4, "long"))


def test_slurm_says_what_is_wrong(study, tmp_path):
    for arguments, message in [
        ([study.folder, "--time", "1h"], "got '1h'"),
        ([tmp_path / "nowhere"], "nowhere holds no study"),
    ]:
        wrong = call("slurm", *arguments)
        assert wrong.exit_code == 2
        assert message in wrong.stderr
