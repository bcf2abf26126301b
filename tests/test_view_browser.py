"""The server's pages in Chromium: a study that is followed; a task that is stated, searched and watched."""

import json
import subprocess
import sys
import time

import pytest

from cli_call import QUICK, QUICK_OPTIONS
from sequence_search.problem.problem import Problem
from sequence_search.storage import locked
from sequence_search.study.seeds import seed_folder
from sequence_search.study.study import Study
from test_page_browser import CHROMIUM, FRONTEND, pytestmark  # noqa: F401
from view_cases import served


def drive(server, folder, *actions, path=""):
    """What the browser sees; nothing is asked of another server, and no error is on the console."""
    report = folder / "report.json"
    command = [
        "node",
        "browser/drive.mjs",
        server.url + path,
        str(CHROMIUM),
        str(report),
        json.dumps(actions),
    ]
    done = subprocess.run(command, cwd=FRONTEND, capture_output=True, text=True, check=False, timeout=170)
    assert done.returncode == 0, done.stderr
    seen = json.loads(report.read_text())
    assert seen["errors"] == []
    assert [url for url in seen["requests"] if not url.startswith(("data:", server.url))] == []
    return seen["results"]


def test_a_study_that_runs_in_the_background_appears_seed_by_seed(tmp_path):
    command = [sys.executable, "-m", "sequence_search", "run", "max-signal", "--seeds", "4", *QUICK_OPTIONS]
    with subprocess.Popen([*command, "--out", "study"], cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "study" / "study.toml").exists():
            time.sleep(0.05)
        with served(tmp_path / "study") as server:
            *_, state, seeds, picture = drive(
                server,
                tmp_path,
                ["see", "4 of 4 seeds"],
                ["see", "Every seed"],
                ["see", "Done"],
                ["see", "4 seeds, each a search of its own"],
                ["text", ".state"],
                ["count", "figure.seeds circle"],
                ["count", ".so-far"],
            )
        process.wait(60)
    assert state.startswith("Done 4 of 4 seeds; best loss 0.011")
    assert seeds == 4
    assert picture == 0  # the report tells it all


def test_a_new_report_keeps_what_the_reader_chose_and_dragged(tmp_path):
    study = tmp_path / "study"
    Study.create(study, Problem.load("max-signal"), seeds=range(3), **QUICK).run()
    seeds = [seed_folder(study, "max-signal", seed) for seed in range(3)]
    aside = tmp_path / "result.json"
    (seeds[1] / "result.json").rename(aside)
    (seeds[2] / "result.json").unlink()
    with locked(seeds[2] / "lock"), served(study) as server:
        *_, before, _, offered, _, _, after, compared, chosen, dots, title, disabled = drive(
            server,
            tmp_path,
            ["see", "Every seed"],
            ["focus", '[data-compare="0"]'],
            ["key", "Space"],
            ["focus", '[data-compare="1"]'],
            ["key", "Space"],
            ["type", "Delay 1 in milliseconds", "33"],
            ["read"],
            ["move", str(aside), str(seeds[1] / "result.json")],
            ["see", "Show the report of 2 seeds"],
            ["click", "Show the report of 2 seeds"],
            ["see", "2 seeds, each a search of its own"],
            ["read"],
            ["count", "#compare figure"],
            ["count", "[data-compare]:checked"],
            ["count", "figure.seeds circle"],
            ["text", ".state"],
            ["count", "button:disabled:text('Undo')"],
        )
    assert offered is None
    assert after == before
    assert json.loads(after["copied"]["JSON"])["delay_ms"][0] == 33
    assert (compared, chosen, dots, disabled) == (2, 2, 2, 0)
    assert title.startswith("Searching 2 of 3 seeds")


def test_a_task_is_stated_by_keyboard_searched_and_watched(tmp_path):
    with served(directory=tmp_path) as server:
        results = drive(
            server,
            tmp_path,
            ["see", "Wanted: as much signal of GM, WM and CSF"],
            ["focus", "summary"],
            ["key", "Enter"],
            ["type", "Name of tissue 1", "<script>"],
            ["type", "T1 (ms) of tissue 2", "much"],
            ["focus", "button:text('Take the changes')"],
            ["key", "Enter"],
            ["see", "tissues.WM.t1_ms"],
            ["faults"],
            ["size", 375],
            ["size", 1440],
            ["type", "T1 (ms) of tissue 2", "900 ± 10"],
            ["key", "Enter"],
            ["focus", "button:text('Take the changes')"],
            ["key", "Enter"],
            ["see", "Wanted: as much signal of <script>, WM and CSF"],
            ["read"],
            ["type", "Seeds, until they agree if left out", "2"],
            ["type", "Seconds for each seed, at most", "1"],
            ["type", "Folder, a new one if left out", "mine"],
            ["key", "Enter"],
            ["see", "Done"],
            ["see", "Every seed"],
            ["text", "#live"],
            ["faults"],
            ["size", 375],
        )
    faults, narrow, wide, read, live, later, phone = (results[at] for at in (8, 9, 10, 16, 23, 24, 25))
    assert (faults, later) == ([], [])
    assert (narrow, wide, phone) == (375, 1440, 375)
    assert read["loss"] > 0
    assert "2 of 2 seeds" in live
    assert str(tmp_path / "mine") in live
    problem = Problem.load(tmp_path / "mine.toml")
    assert problem.tissues[0].name == "<script>"
    assert problem.tissues[1].t1.mean == pytest.approx(0.9)
    assert Study.open(tmp_path / "mine").problems["max-signal"].digest == problem.digest


def test_a_search_is_stopped_from_the_page_and_the_end_of_the_server_is_told(tmp_path):
    with served(directory=tmp_path) as server:
        results = drive(
            server,
            tmp_path,
            ["see", "Wanted:"],
            ["click", "Search"],
            ["see", "Searching"],
            ["click", "Stop"],
            ["see", "Not running"],
            ["text", "#live"],
        )
        assert server.viewing.searches.process_id is None
    assert f"sequence-search resume {tmp_path}/max-signal" in results[-1]
