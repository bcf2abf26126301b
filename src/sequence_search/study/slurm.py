"""Studies on SLURM: the script of an array job, each of whose tasks searches a fixed share of a study."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from sequence_search.storage import StudyError, write_bytes
from sequence_search.study.plan import DERIVED
from sequence_search.study.study import Study
from sequence_search.words import counted

# SLURM tells a task this long before its wall time that it must end; a search saves within five seconds.
NOTICE_S = 60
# SLURM's clock for such notices is up to a minute early (man sbatch, --signal); a minute of search is left.
SHORTEST_S = 180
SCRIPT_FILE, LOG_FILE = f"{DERIVED}/slurm.sbatch", f"{DERIVED}/slurm-%A_%a.log"
SCRIPT = """\
#!/bin/bash
# For sbatch, whose own options, such as --account, override those below. Each task of the array searches a
# fixed share of the study. Submit it again, at any time, until the study is done: what is finished is not
# searched again, and what was cut off goes on from its checkpoint.
#SBATCH --job-name={name}
#SBATCH --array=1-{n_shares}
#SBATCH --time={time}
#SBATCH --cpus-per-task={n_cpus}
{partition}#SBATCH --signal=B:TERM@{notice}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={log}
export OMP_NUM_THREADS="$SLURM_CPUS_PER_TASK"
# exec, so that SLURM's notice reaches the search itself.
exec {python} -m sequence_search resume {folder} --share "$SLURM_ARRAY_TASK_ID/{n_shares}"
"""


@dataclass(frozen=True, slots=True)
class ArrayJob:
    """What a user chooses of an array job: the most array tasks, what each has, and SLURM's partition."""

    array_cap: int = 100
    time: str = "01:00:00"  # wall time, as SLURM writes it: "90" (minutes), "01:30:00", "2-12"
    n_cpus: int = 1
    partition: str | None = None  # SLURM's default

    def __post_init__(self) -> None:
        if self.array_cap < 1 or self.n_cpus < 1:
            raise ValueError(
                f"the array cap and the cores must be 1 or more, got {self.array_cap} and {self.n_cpus}"
            )
        if seconds(self.time) < SHORTEST_S:
            raise ValueError(
                f"the time must be at least {SHORTEST_S // 60} minutes, since a task is told to stop"
                f" {NOTICE_S} s before its end and SLURM may say so a minute early; got '{self.time}'"
            )


def read_share(text: str) -> tuple[int, int]:
    """Share of a study's tasks, as `Study.run` takes it: the third of ten, "3/10", is (2, 10).

    A ValueError if it is no such text.
    """
    parts = re.fullmatch(r"(\d+)/(\d+)", text, re.ASCII)
    if not parts or not 1 <= int(parts[1]) <= int(parts[2]):
        raise ValueError(f"a share is I/N with I from 1 to N, such as 3/10, got '{text}'")
    return int(parts[1]) - 1, int(parts[2])


def seconds(time: str) -> int:
    """Wall time in s of a text as SLURM reads it; a ValueError if it is none of SLURM's forms."""
    parts = re.fullmatch(r"(?:(\d+)-)?(\d+(?::[0-5]?\d){0,2})", time, re.ASCII)
    if not parts:
        raise ValueError(
            "the time must be MINUTES, MINUTES:SECONDS, HOURS:MINUTES:SECONDS or"
            f" DAYS-HOURS[:MINUTES[:SECONDS]], such as 01:30:00, got '{time}'"
        )
    fields = [int(field) for field in parts[2].split(":")]
    if parts[1] is None and len(fields) < 3:
        fields.insert(0, 0)  # without days and with fewer than three fields, the first are minutes
    hours, minutes, rest = (*fields, 0, 0)[:3]
    return ((int(parts[1] or 0) * 24 + hours) * 60 + minutes) * 60 + rest


def write_script(study: Study, job: ArrayJob) -> Path:
    """Write `derived/slurm.sbatch`; a StudyError if nothing is left, a StorageError if it cannot be."""
    if not study.open_tasks():
        tally = study.tally()
        failed = f", {tally.failed} failed too often to be tried again" if tally.failed else ""
        raise StudyError(
            f"{study.folder}: nothing is left to search: {counted(tally.done, 'seed')} done{failed}"
        )
    file = study.folder / SCRIPT_FILE
    write_bytes(file, sbatch_script(study.folder, len(study.plan.tasks), job).encode())
    return file


def sbatch_script(folder: Path, n_tasks: int, job: ArrayJob) -> str:
    """Script for sbatch that searches the study in a folder with the Python that runs now.

    The folder has that path on every node. With fewer tasks than the cap, each has an array task of its own.
    """
    folder = folder.absolute()
    # SLURM reads % in the names of logs as the start of a pattern.
    log = str(folder).replace("%", "%%") + f"/{LOG_FILE}"
    return SCRIPT.format(
        name=shlex.quote(folder.name),
        n_shares=min(n_tasks, job.array_cap),
        time=job.time,
        n_cpus=job.n_cpus,
        partition=f"#SBATCH --partition={shlex.quote(job.partition)}\n" if job.partition else "",
        notice=NOTICE_S,
        log=shlex.quote(log),
        python=shlex.quote(sys.executable),
        folder=shlex.quote(str(folder)),
    )
