"""The page in Chromium: opened from a file, dragged, typed in, copied from."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from page_results import front_of, result_of
from sequence_search.page.playground import playground
from sequence_search.page.report import report
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

FRONTEND = Path(__file__).parents[1] / "frontend"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
READY = bool(CHROMIUM and shutil.which("node") and (FRONTEND / "node_modules").is_dir())

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not READY, reason="needs Chromium, Node and `npm ci` in frontend/"),
]

FREE = Sequence.from_degrees_ms([90, 150, 120], [0, 90, 45], [9, 14, 11])


def drive(html, folder, *actions):
    """What the browser sees of a page while it does what is asked for."""
    page, report = folder / "page.html", folder / "report.json"
    page.write_text(html, encoding="utf-8")
    command = ["node", "browser/drive.mjs", str(page), str(CHROMIUM), str(report), json.dumps(actions)]
    done = subprocess.run(command, cwd=FRONTEND, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    seen = json.loads(report.read_text())
    assert seen["errors"] == []
    assert [url for url in seen["requests"] if not url.startswith(("data:", page.as_uri()))] == []
    return seen["results"]


def agrees(read, problem):
    """Whether the numbers in the page are those of Python for the sequence that it copies; that sequence."""
    sequence = Sequence.from_dict(json.loads(read["copied"]["JSON"]))
    found = problem.evaluate(sequence)
    assert read["loss"] == pytest.approx(found.loss, abs=1e-6)
    assert read["signals"] == pytest.approx(list(found.signal.values()), abs=1e-4)
    return sequence


def test_a_dragged_delay_changes_the_numbers_as_python_says(tmp_path):
    problem = Problem.load("max-signal")
    before, _, after, *_ = drive(
        playground(problem, FREE), tmp_path, ["read"], ["drag", "Delay 2, after pulse 2", 40, 0], ["read"]
    )
    assert agrees(before, problem).to_dict() == FREE.to_dict()
    dragged = agrees(after, problem)
    assert dragged.delay[1] > FREE.delay[1] + 1e-3
    assert dragged.delay[[0, 2]].tolist() == FREE.delay[[0, 2]].tolist()
    assert before["loss"] != after["loss"]


def test_flips_phases_and_gradients_follow_pointer_keys_and_typing_and_are_undone(tmp_path):
    problem = Problem.load("max-signal")
    *_, edited, _, _, undone = drive(
        playground(problem, FREE),
        tmp_path,
        ["drag", "Flip angle of pulse 1", 0, -30],
        ["press", "Phase of pulse 2", "Shift+ArrowLeft"],
        ["type", "Flip angle of pulse 3 in degrees", "133.5"],
        ["read"],
        ["click", "Reset"],
        ["click", "Undo"],
        ["read"],
    )
    sequence = agrees(edited, problem).to_dict()
    assert sequence["flip_deg"][0] > 120
    assert sequence["phase_deg"][1] == 40
    assert sequence["flip_deg"][2] == 133.5
    assert undone["copied"] == edited["copied"]


def repeated():
    return Problem.load("spin-echo-2d").played(
        Sequence.from_degrees_ms([180, 90, 170], [0, 0, 90], [500, 10, 10]),
        kinds=["invert", "excite", "refocus"],
        gradients=["spoiler", "crusher", "crusher"],
    )


def test_kinds_gradients_and_the_tr_are_those_of_python(tmp_path):
    problem = Problem.load("spin-echo-2d")
    _, _, read = drive(
        playground(problem, repeated()),
        tmp_path,
        ["choose", "Gradient after pulse 1", "0"],
        ["type", "Delay 1 in milliseconds", "620"],
        ["read"],
    )
    edited = agrees(read, problem)
    assert edited.layout.gradients == (0, 1, 1)
    assert float(edited.tr) == pytest.approx(3)  # kept
    assert float(edited.delay[0]) == pytest.approx(0.62)


def test_what_is_copied_is_what_the_command_line_takes(tmp_path):
    problem = Problem.load("spin-echo-2d")
    sequence = problem.played(
        Sequence.from_degrees_ms([90, 180], [0, 90], [10, 10]),
        kinds=["excite", "refocus"],
        gradients=["crusher", "crusher"],
    )
    for given, name, source in (
        (FREE, "max-signal", Problem.load("max-signal")),
        (sequence, problem.name, problem),
    ):
        (read,) = drive(playground(source, given), tmp_path, ["read"])
        copied = read["copied"]
        (tmp_path / "design.toml").write_text(copied["TOML"])
        stated = ["evaluate", name, "--sequence", "design.toml", "--format", "json"]
        loss = json.loads(run([sys.executable, "-m", "sequence_search", *stated], tmp_path))["loss"]
        assert read["loss"] == pytest.approx(loss, abs=1e-6)
        command = copied["command"].replace("sequence-search", f"{sys.executable} -m sequence_search")
        assert f"{loss:.6f}"[:7] in run(["bash", "-c", command], tmp_path)
        assert f"loss={loss:.8f}"[:12] in run([sys.executable, "-c", copied["Python"]], tmp_path)


def run(command, folder):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_it_fits_a_phone_and_keeps_up_with_the_hand(tmp_path):
    five = Sequence.from_degrees_ms([60, 150, 120, 45, 90], [0, 90, 45, 180, 0], [9, 14, 11, 20, 8])
    frames, narrow, wide = drive(
        playground(Problem.load("max-signal"), five),
        tmp_path,
        ["frames", "Flip angle of pulse 2"],
        ["size", 375],
        ["size", 1440],
    )
    print(f"{frames['perSecond']:.0f} frames a second, {frames['busy']:.1f} ms of the processor for each")
    assert (narrow, wide) == (375, 1440)


def test_a_tissue_named_as_a_script_stays_text(tmp_path):
    text = Problem.load("max-signal").to_toml().replace("GM", "<script>alert(1)</script>")
    problem = Problem.from_toml(
        text.replace("[tissues.<script>", '[tissues."<script>').replace("/script>]", '/script>"]')
    )
    shown, count = drive(playground(problem, FREE), tmp_path, ["text", ".signals th"], ["count", "script"])
    assert shown == "<script>alert(1)</script>"
    assert count == 2  # the page's own


def test_designs_are_compared_and_played_with_by_keyboard(tmp_path):
    problem = Problem.load("max-signal")
    *_, heads, marked, _, _, read = drive(
        report(result_of(problem, 4)),
        tmp_path,
        ["focus", '[data-compare="0"]'],
        ["key", "Space"],
        ["focus", '[data-compare="1"]'],
        ["key", "Space"],
        ["text", "#compare thead tr"],
        ["count", "#compare .differs"],
        ["focus", '[data-play="1"]'],
        ["key", "Enter"],
        ["read"],
    )
    assert heads == "Design 1Design 2difference"
    assert marked >= 4
    second = result_of(problem, 1).runs[0].families[1].sequence
    assert agrees(read, problem).to_dict() == second.to_dict()


def test_axe_finds_nothing_serious(tmp_path):
    problem, other = Problem.load("spin-echo-2d"), Problem.load("max-signal")
    whole = report(result_of(other, 4), front=front_of(other))
    for page in (playground(problem, repeated()), whole):
        assert drive(page, tmp_path, ["faults"]) == [[]]
