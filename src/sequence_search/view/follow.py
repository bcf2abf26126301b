"""How a study stands, as plain data for its page, and the page itself."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from pathlib import Path
from typing import Any

from sequence_search.classify import category_text
from sequence_search.page.pictures import picture
from sequence_search.page.study import study_page
from sequence_search.problem.problem import Problem
from sequence_search.report.figures import designs_figure
from sequence_search.storage import StudyError
from sequence_search.strategies.record import read_design
from sequence_search.study.seeds import read_result, seed_folder
from sequence_search.study.status import ProblemStatus
from sequence_search.study.study import Study
from sequence_search.view.folder import open_inside

LOOK_EVERY_S = 1.0
SHARE_OF_TIME = 0.1  # that looking at a large study may take
MOST_UNDER_WAY = 6  # seeds whose steps are told
Data = dict[str, Any]


class Follower:
    """A problem of a study, looked at for all viewers at once.

    `computing` is held where numbers are computed or figures drawn, since neither bears two threads. `stated`
    is the problem of a study that is still to be made.
    """

    def __init__(
        self,
        folder: Path,
        computing: threading.Lock,
        problem: str | None = None,
        stated: Problem | None = None,
    ) -> None:
        self.folder, self.computing, self._named, self._stated = folder, computing, problem, stated
        self._looking = threading.Lock()
        self._status: Data = {}
        self._next = -math.inf  # time of the next look
        self._best: tuple[str, Data | None] = "", None
        self._page: tuple[str, str] | None = None

    def study(self) -> tuple[Study, str]:
        """The study as it is now and the problem that is shown; a StudyError if it cannot be read or told."""
        study = open_inside(self.folder)
        names = list(study.problems)
        if self._named is None and len(names) > 1:
            raise StudyError(f"{self.folder} has several problems: pass --problem, one of {', '.join(names)}")
        name = self._named or names[0]
        if name not in names:
            raise StudyError(f"{self.folder} has no problem '{name}'; it has {', '.join(names)}")
        return study, name

    def problem(self) -> Problem | None:
        """What is searched for; None where that cannot be read."""
        if self._stated is None:
            try:
                study, name = self.study()
            except (ValueError, OSError):
                return None
            self._stated = study.problems[name]
        return self._stated

    def status(self) -> Data:
        """How it stands; looked at anew where the last look is a second old."""
        with self._looking:
            began = time.monotonic()
            if began >= self._next:
                self._status = self._look()
                took = time.monotonic() - began
                self._next = began + max(LOOK_EVERY_S, took / SHARE_OF_TIME)
            return self._status

    def _look(self) -> Data:
        try:
            study, name = self.study()
            (found,) = (each for each in study.status() if each.problem == name)
            return status_data(found)
        except Exception as error:  # whatever the files hold: the server lives on, and the page tells
            state = "damaged" if self.folder.is_dir() else "gone"
            return {"state": state, "message": _told(error), "results": ""}

    def best(self, status: Data) -> Data | None:
        """The best design of a status, drawn; the last that was drawn while something else is computed."""
        if status.get("best") is None:
            return None
        key = f"{status['problem']} {status['best']} {status['loss']}"
        if self._best[0] != key and self.computing.acquire(blocking=False):
            try:
                self._best = key, self._drawn(status["best"])
            except Exception as error:  # of a damaged file, as in `_look`
                self._best = key, {"message": _told(error)}
            finally:
                self.computing.release()
        return self._best[1]

    def _drawn(self, seed: int) -> Data:
        study, name = self.study()
        record, problem = read_result(seed_folder(self.folder, name, seed)), study.problems[name]
        if record is None:
            raise StudyError(f"seed {seed} has no whole result")
        sequence = read_design(record).sequence
        figure = designs_figure([sequence], [""], problem.pulses)
        drawn = picture(figure, f"Sequence diagram of the best design so far: {sequence}")
        return {"seed": seed, "category": category_text(sequence, problem.categories), "drawn": drawn}

    def page(self) -> tuple[str, str]:
        """The report, and the `results` of the status that it is of.

        Raises
        ------
        ValueError
            If there is nothing to report, or it cannot be read.
        """
        with self.computing:
            results = self._look()["results"]
            if self._page is None or self._page[1] != results:
                try:
                    self._page = study_page(*self.study()), results
                except (AttributeError, IndexError, KeyError, TypeError) as error:
                    raise StudyError(f"{self.folder} cannot be read: {_told(error)}") from error
            return self._page

    @property
    def last_page(self) -> tuple[str, str] | None:
        """What `page` gave last."""
        return self._page


def status_data(found: ProblemStatus) -> Data:
    """What `frontend/src/live/follow.ts` reads; losses of seeds that are done, in the order of the seeds."""
    counts = found.counts
    ended = [(view.seed, view.loss) for view in found.views if view.state == "done"]
    failed = [view.seed for view in found.views if view.state == "failed"]
    under_way = [view for view in found.views if view.state == "running"]
    state = "running" if under_way else "done" if not found.left else "stopped"
    losses = [_finite(loss) for _, loss in ended]
    best = found.best and found.best.get("seed")
    if best is not None and best not in dict(ended):
        raise StudyError(f"a result says that it is of seed {best!r}, which has none")
    return {
        "state": state,
        "message": "",
        "problem": found.problem,
        "done": counts["done"],
        "failed": counts["failed"],
        "total": len(found.views),
        "losses": [loss for loss in losses if loss is not None],
        "underWay": [
            {
                "seed": view.seed,
                "step": _finite(view.status.get("step")),
                "nSteps": _finite(view.status.get("n_steps")),
                "loss": _finite(view.loss),
            }
            for view in under_way[:MOST_UNDER_WAY]
        ],
        "secondsLeft": _finite(found.seconds_left),
        "best": best,
        "loss": found.best and _finite(found.best.get("loss")),
        "results": hashlib.sha256(repr((ended, failed)).encode()).hexdigest()[:16] if ended else "",
    }


def _finite(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _told(error: Exception) -> str:
    """What the user reads of an error, which may be of a damaged file."""
    return str(error) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"
