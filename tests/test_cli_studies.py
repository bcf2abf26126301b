import json
import re
import signal
import subprocess
import sys

import pytest

from cli_call import assert_fits, call, one_line, quick_run
from sequence_search.study.study import Study


def test_run_with_a_folder_is_a_study(tmp_path):
    out = tmp_path / "out"
    done = quick_run("max-signal", "--seeds", 2, "--seed", 4, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "best: seed" in done.stdout
    assert "readout" in done.stdout
    assert "round 6, at most 6" in done.stderr
    assert "2 of 2 seeds  max-signal seed 5: done, loss" in done.stderr
    assert (out / "derived" / "max-signal.png").read_bytes().startswith(b"\x89PNG")
    results = sorted(out.glob("max-signal/*/result.json"))
    assert [json.loads(path.read_text())["seed"] for path in results] == [4, 5]
    before = [path.stat().st_mtime_ns for path in results]
    again = quick_run("max-signal", "--seeds", 2, "--seed", 4, "--out", out)
    assert again.exit_code == 0
    assert again.stdout == done.stdout
    assert [path.stat().st_mtime_ns for path in results] == before


def test_another_run_in_the_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert quick_run("max-signal", "--out", tmp_path).exit_code == 0
    other = quick_run("max-signal", "--out", tmp_path, "--option", "steps=7")
    assert other.exit_code == 2
    assert "error:   options.steps: 6 in the study, 7 asked for" in other.stderr
    assert_fits(other.stderr.replace(str(tmp_path), "FOLDER"), 80)
    assert quick_run("max-signal", "--seeds", 2, "--out", tmp_path).exit_code == 0
    assert len(list(tmp_path.glob("max-signal/*/result.json"))) == 2


def test_several_problems_and_workers_make_one_study(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    asked = {}
    run = Study.run

    def here(study, *, workers, scheduler, **how):
        asked.update(workers=workers, scheduler=scheduler)
        return run(study, **how)

    monkeypatch.setattr(Study, "run", here)
    done = quick_run("max-signal", "gm-wm", "--out", tmp_path, "--workers", 2)
    assert done.exit_code == 0, done.stderr
    assert asked == {"workers": 2, "scheduler": None}
    assert_fits(done.stdout.replace(str(tmp_path), "STUDY"), 80)
    assert sorted(path.parent.parent.name for path in tmp_path.glob("*/*/result.json")) == [
        "gm-wm",
        "max-signal",
    ]
    assert sorted(path.name for path in (tmp_path / "derived").iterdir()) == [
        "gm-wm.png",
        "max-signal.png",
        "results.csv",
        "table.md",
    ]
    for arguments in (["gm-wm"], ["--workers", 2], ["--scheduler", "tcp://127.0.0.1:1"], ["--create-only"]):
        refused = quick_run("max-signal", *arguments)
        assert refused.exit_code == 2
        assert re.search("needs? --out FOLDER", one_line(refused.stderr))


def test_status(tmp_path, width):
    waiting = tmp_path / "waiting"
    made = quick_run("max-signal", "--out", waiting, "--create-only")
    expected = f"made {waiting} with 1 task; the same command without --create-only runs them"
    assert expected in one_line(made.stdout)
    record = json.loads(call("status", waiting, "--format", "json").stdout)["problems"][0]
    assert (record["waiting"], record["done"], record["best"]) == (1, 0, None)
    assert "waiting" in call("status", waiting).stdout
    missing = call("status", tmp_path)
    assert missing.exit_code == 2
    assert "holds no study" in missing.stderr


def test_status_of_what_is_done(study, width):
    record = json.loads(call("status", study, "--format", "json").stdout)
    assert record["schema_version"] == 2
    assert (record["problems"][0]["done"], record["problems"][0]["waiting"]) == (2, 0)
    best = record["problems"][0]["best"]
    assert best["reason"] is None
    text = call("status", study).stdout
    assert f"{best['loss']:.6f}" in text
    assert f"the best is of {best['category']}" in one_line(text)
    assert_fits(text, width)
    result = study / "max-signal" / f"seed-{best['seed']:04d}" / "result.json"
    assert json.loads(result.read_text())["category"] == best["category"]
    assert best["category"] in one_line(call("designs", study).stdout)


def test_a_run_as_json_is_one_document_whatever_the_flags(tmp_path):
    def printed(*arguments):
        done = quick_run("max-signal", "--format", "json", *arguments)
        record = json.loads(done.stdout, parse_constant=pytest.fail)
        for run in record["runs"]:
            del run["seconds"]
        return record

    alone, with_folder = printed(), printed("--out", tmp_path / "one")
    assert with_folder == alone
    several = quick_run("max-signal", "gm-wm", "--out", tmp_path / "two", "--format", "json")
    assert [record["problem"] for record in json.loads(several.stdout)] == ["max-signal", "gm-wm"]
    again = call("resume", tmp_path / "one", "--format", "json")
    assert json.loads(again.stdout)["problem"] == "max-signal"


def test_status_needs_no_heavy_library(study):
    code = (
        "import sys; from sequence_search.cli import app\n"
        f"try: app(['status', {str(study)!r}])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'numba', 'scipy', 'matplotlib', 'distributed'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "max-signal" in done.stdout


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    assert quick_run("max-signal", "--out", tmp_path).exit_code == 0
    (tmp_path / "derived" / "max-signal.png").unlink()
    (tmp_path / "derived" / "max-signal.png").mkdir()
    (tmp_path / "derived" / "max-signal.png" / "file").touch()
    done = quick_run("max-signal", "--out", tmp_path)
    assert done.exit_code == 1
    assert "max-signal.png cannot be written: Is a directory; nothing that is done is lost" in done.stderr


def test_seeds_of_a_batch_are_told_in_short_and_all_counted(tmp_path):
    options = ["--strategy", "proxyless", "--steps", 3, "--seeds", 3, "--out", tmp_path / "study"]
    assert "3 of 3 seeds  max-signal seed 0-2: done, loss" in call("run", "max-signal", *options).stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_study_that_is_stopped_keeps_a_checkpoint(tmp_path, asked_to_stop, number, code):
    asked_to_stop(number)
    options = ["--strategy", "proxyless", "--steps", 2000, "--seeds", 2, "--format", "json"]
    done = call("run", "max-signal", *options, "--out", tmp_path)
    assert done.exit_code == code, done.stderr
    assert "stopping; the same command goes on from here" in done.stderr
    assert json.loads(done.stdout)["runs"] == []
    status = json.loads(call("status", tmp_path, "--format", "json").stdout)
    assert status["problems"][0]["interrupted"] == 2
    assert (tmp_path / "max-signal" / "seed-0000" / "checkpoint.npz").exists()
    assert not list(tmp_path.glob("*/*/result.json"))
