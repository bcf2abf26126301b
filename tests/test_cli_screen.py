from io import StringIO

import pytest
from rich.console import Console

from cli_call import assert_fits
from sequence_search.cli.screen import Board, Screen, outcome_text
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Progress
from sequence_search.strategies.live import count_text
from sequence_search.study.plan import Task
from sequence_search.study.run import Outcome
from sequence_search.study.study import Study

FIVE = Sequence.from_degrees_ms(
    flip_deg=[177.6, 177.7, 177.5, 88.2, 176.6],
    phase_deg=[0, 0, -179, -107, 72],
    delay_ms=[8.3, 6.2, 444.1, 6.2, 6.2],
)


def picture(screen, width):
    console = Console(width=width, file=StringIO(), force_terminal=True, color_system=None)
    console.print(screen.picture())
    return console.file.getvalue()


def test_name_bar_count_time_and_loss_are_whole(width):
    screen = Screen(Console(), None)
    screen.show(Progress(3, 31, 200, -0.880142, FIVE, unit="round"))
    text = picture(screen, width)
    assert_fits(text, width)
    first, *others = text.splitlines()
    assert first.split("━")[0].split() == ["seed", "3"]
    assert first.split()[-8:] == ["round", "31,", "at", "most", "200", "0:00", "loss", "-0.88014"]
    assert " ".join(" ".join(others).split()) == f"sequence {FIVE}"


def test_a_grid_says_how_fast_it_is(width):
    screen = Screen(Console(), None)
    screen.show(Progress(0, 1_234_567, 9_658_341, 0.0115, FIVE, "1.20 million points/s, 7 s left", "point"))
    text = picture(screen, width)
    assert_fits(text, width)
    assert "point 1,234,567 of 9,658,341" in text
    assert "1.20 million points/s, 7 s left" in text


@pytest.fixture
def begun(tmp_path, study):
    problems = Study.open(study).problems.values()
    return Study.create(tmp_path / "begun", problems, seeds=range(3))


def test_a_study_says_what_is_done_and_the_best_loss(begun, width):
    board = Board(begun)
    screen = Screen(Console(), board)
    assert "0 of 6 seeds" in picture(screen, width)
    for loss in (0.5, 0.25, 0.75):
        board.finished(Outcome(Task("max-signal", (0,)), "done", loss))
    board.finished(Outcome(Task("strange", (1,)), "failed"))
    text = picture(screen, width)
    assert "3 of 6 seeds" in text
    assert "best loss max-signal 0.25" in text
    assert_fits(text, width)


def test_what_other_processes_work_on_is_told(begun, width):
    from sequence_search.storage import locked
    from sequence_search.study.seeds import seed_folder, write_status

    folder = seed_folder(begun.folder, "max-signal", 1)
    write_status(folder, "running", {"loss": 0.125})
    with locked(folder / "lock"):
        text = picture(Screen(Console(), Board(begun)), width)
    assert "running   max-signal seed 1 (loss 0.125)" in text


def test_a_finished_study_begins_with_what_it_has(study):
    board = Board(Study.open(study))
    assert board.count == "4 of 4 seeds"
    assert set(board.least) == {"max-signal", "strange"}


def test_words():
    assert count_text(Progress(0, 31, 200, 0.0, FIVE, unit="round")) == "round 31, at most 200"
    assert count_text(Progress(0, 300, 20_000, 0.0, FIVE)) == "step 300 of 20,000"
    failed = Outcome(Task("mine [/b]", (0, 1, 2)), "failed", None, "why")
    assert outcome_text(failed) == "mine [/b] seed 0-2: failed: why"
