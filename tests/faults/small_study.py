"""Run, or go on with, a small study in a folder: python small_study.py FOLDER WORKERS [CHECKPOINT_EVERY_S].

Two problems of three seeds, each of a second or two. Ends with 0 when all are done.
"""

import sys
from pathlib import Path

from sequence_search.problem.problem import Problem
from sequence_search.study import run as work
from sequence_search.study.study import Study

OPTIONS = {"n_starts": 64, "n_children": 64, "max_rounds": 60, "patience": 60, "steps": 20, "n_polished": 3}


def main():
    folder, workers = Path(sys.argv[1]), int(sys.argv[2])
    every_s = float(sys.argv[3]) if len(sys.argv) > 3 else work.CHECKPOINT_EVERY_S
    search = work._search

    def announced(plan, problem, task, settings):
        print("searching", task, flush=True)
        return search(plan, problem, task, settings)

    work._search = announced
    problems = [Problem.load(name) for name in ("max-signal", "gm-wm")]
    study = Study.create(folder, problems, seeds=range(3), **OPTIONS)
    tally = study.run(
        workers=workers,
        on_outcome=lambda outcome: print(outcome, flush=True),
        checkpoint_every_s=every_s,
    )
    sys.exit(0 if tally.done == len(study.plan.tasks) else 1)


if __name__ == "__main__":
    main()
