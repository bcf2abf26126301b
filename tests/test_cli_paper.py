import json

import pytest

from cli_call import QUICK_OPTIONS, assert_fits, call, quick_run
from sequence_search.classify import standardized
from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.study.study import Study


def test_table_prints_a_study_in_every_format(tmp_path, small_grid, few_voxels):
    study = tmp_path / "study"
    assert quick_run(small_grid, "--out", study).exit_code == 0
    without = call("table", study)
    assert without.exit_code == 0, without.stderr
    assert "that of the best run, for want of a grid optimum" in without.stdout
    assert "point" not in without.stderr
    done = call("table", study, "--grid")
    assert done.exit_code == 0, done.stderr
    assert "as Table V" in done.stdout
    assert "(1 run)" in done.stdout
    assert "Optimal grid-search sequence (" in done.stdout
    assert "the paper's designs among all that were found" in done.stdout
    assert "point 405 of 405" in done.stderr
    assert json.loads(call("table", study, "--format", "json").stdout)[0]["n_runs"] == 1
    assert call("table", study, "--format", "markdown").stdout.startswith("### max-signal")
    assert call("table", study, "--format", "csv").stdout.startswith("problem,paper_table,")
    assert r"\toprule" in call("table", study, "--format", "latex").stdout
    again = call("table", study)
    assert "that of the grid optimum" in again.stdout
    assert "point" not in again.stderr


def test_a_table_fits_and_no_number_is_cut(study, width):
    wide = call("table", study, "--format", "markdown").stdout
    text = call("table", study).stdout
    assert_fits(text, width)
    rows = [line.split("|")[2:-1] for line in wide.splitlines() if line.startswith("|")]
    numbers = {part for row in rows for cell in row for part in cell.strip(" []").split(", ") if "±" in part}
    assert numbers
    assert all(number in text for number in numbers)


def test_the_table_of_a_problem_of_ones_own_lists_what_was_found(study):
    table = json.loads(call("table", study, "--format", "json").stdout)[1]
    assert table["problem"] == "strange"
    assert table["paper_rows"] == []
    found = json.loads(call("designs", study, "--all", "--format", "json").stdout)[1]["runs"]
    names = [row["name"] for row in table["rows"]]
    assert "one pulse [/crushed]" in names
    assert len(set(names)) == len(names)
    for row in table["rows"]:
        cells = {key: [stat["mean"] for stat in cell["ours"]] for key, cell in row["cells"].items()}
        (seed,), (number,) = cells["seed"], cells["design"]
        (run,) = [run for run in found if run["seed"] == seed]
        design = run["families"][int(number) - 1]
        assert cells["loss"] == [design["loss"]]
        standard = standardized(Sequence.from_dict(design["sequence"]))
        assert cells["flips"] == pytest.approx(standard.to_dict()["flip_deg"])
        assert cells["seeds"][0] in (1, 2)
    losses = [row["cells"]["loss"]["ours"][0]["mean"] for row in table["rows"]]
    assert losses == sorted(losses)
    assert losses[0] == min(run["loss"] for run in found)


def test_the_name_of_a_paper_s_problem_makes_no_paper_s_table(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(problem_text("max-signal").replace("weight = 0.0001", "weight = 0.0002"))
    assert Problem.load(file).digest != Problem.load("max-signal").digest
    assert quick_run(file, "--out", tmp_path / "study").exit_code == 0
    assert "Table V" not in call("table", tmp_path / "study").stdout


def test_table_of_no_study_is_refused(tmp_path):
    done = call("table", tmp_path)
    assert done.exit_code == 2
    assert "holds no study" in done.stderr


def test_reproduce_makes_a_summary_and_goes_on(tmp_path, few_voxels):
    command = ["reproduce", "--only", "1", *QUICK_OPTIONS, "--seeds", 1, "--out", tmp_path / "paper"]
    done = call(*command)
    assert done.exit_code == 0, done.stderr
    assert "grid of max-signal" in done.stderr
    text = (tmp_path / "paper" / "summary.md").read_text()
    given = f"--strategy multistart {' '.join(QUICK_OPTIONS)} --seeds 1 --out {tmp_path}/paper"
    assert f"`sequence-search reproduce --only 1 {given}`" in text
    again = call(*command)
    assert again.exit_code == 0
    assert "point" not in again.stderr
    assert (tmp_path / "paper" / "summary.md").read_text() == text


def test_reproduce_takes_a_schedule_and_options_and_says_so(tmp_path, few_voxels):
    options = ["--strategy", "proxyless", "--schedule", "exact", "--option", "steps=2"]
    out = tmp_path / "the paper"
    done = call("reproduce", "--only", "1", *options, "--option", "polish=false", "--seeds", 2, "--out", out)
    assert done.exit_code == 0, done.stderr
    stored = Study.open(out).plan.options
    assert (stored["steps"], stored["gates"], stored["warmup"], stored["polish"]) == (2, "exact", 0.3, False)
    given = "--schedule exact --option steps=2 --option polish=false --seeds 2"
    text = (out / "summary.md").read_text()
    assert f"`sequence-search reproduce --only 1 --strategy proxyless {given} --out '{out}'`" in text


def test_reproduce_refuses_what_is_no_condition(tmp_path):
    done = call("reproduce", "--only", "4", "--out", tmp_path / "paper")
    assert done.exit_code == 2
    assert "got '4', known are 1 (max-signal)" in done.stderr
    assert not (tmp_path / "paper").exists()
