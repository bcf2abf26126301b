"""The command that serves pages."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.request

from cli_call import call
from sequence_search.cli.view import _left_running
from sequence_search.storage import locked
from sequence_search.study.seeds import seed_folder
from view_cases import post, served

PORT = "8642"  # beside those that tests take


def test_it_serves_until_it_is_ended(tmp_path):
    command = [sys.executable, "-m", "sequence_search", "view", "--no-browser", "--port", PORT]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    line = process.stdout.readline()
    assert line.startswith(f"http://127.0.0.1:{PORT}/")
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/") as answer:
        assert b"State a task" in answer.read()
    process.send_signal(signal.SIGINT)
    said = process.stdout.read()
    process.stdout.close()
    assert process.wait(30) == 0
    assert str(tmp_path) in said
    assert "no search runs" in said
    assert "Traceback" not in said


def test_a_study_that_runs_elsewhere_runs_on(study, tmp_path):
    copy = shutil.copytree(study, tmp_path / "study")
    seed = seed_folder(copy, "max-signal", 0)
    (seed / "result.json").unlink()
    with served(copy, problem="max-signal") as running, locked(seed / "lock"):
        assert _left_running(running).startswith(f"the server has ended; the study {copy} runs on, elsewhere")
    with served(study, problem="max-signal") as running:
        assert _left_running(running) == "the server has ended; no search runs"


def test_what_is_no_study_is_refused(tmp_path, study):
    for arguments, says in (
        ([tmp_path], "holds no study"),
        ([tmp_path / "none"], "holds no study"),
        ([study], "several problems: pass --problem"),
        ([study, "--problem", "third"], "no problem 'third'"),
    ):
        answer = call("view", "--no-browser", *arguments)
        assert answer.exit_code == 2
        assert says in " ".join(answer.output.split())


def test_a_port_that_is_taken_is_refused_with_one_that_is_free(tmp_path):
    with served(directory=tmp_path) as running:
        answer = call("view", "--no-browser", "--port", running.server_port)
    assert answer.exit_code == 2
    assert "is free: --port" in " ".join(answer.output.split())


def test_the_search_that_runs_on_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("sequence_search.view.search.sys.executable", "/bin/sh")
    monkeypatch.setattr("sequence_search.view.search.RUN", ("-c", "sleep 60", "sh"))
    with served(directory=tmp_path) as running:
        assert post(running, "/search", {"name": "max-signal"}).status == 200
        process = running.searches.process_id
        said = _left_running(running)
        assert f"runs on, as process {process}: kill {process} stops it" in said
        assert f"sequence-search view {tmp_path}/max-signal shows it again" in said
        os.kill(process, 0)
        assert post(running, "/stop", {}).status == 200
        running.searches._process.wait(20)
        assert _left_running(running) == "the server has ended; no search runs"
