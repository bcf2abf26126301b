"""The command that serves pages."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from cli_call import call
from sequence_search.cli.view import _left_running
from sequence_search.storage import locked
from sequence_search.study.seeds import seed_folder
from view_cases import post, served

PORT = "8642"  # beside those that tests take


def test_it_serves_until_it_is_ended_also_while_it_writes_a_report(study):
    command = [sys.executable, "-m", "sequence_search", "view", study, "--problem", "max-signal"]
    process = subprocess.Popen(
        [*command, "--no-browser", "--port", PORT],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    line = process.stdout.readline()
    assert line.startswith(f"http://127.0.0.1:{PORT}/")
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/") as answer:
        assert b"The report stands here" in answer.read()
    with socket.create_connection(("127.0.0.1", int(PORT))) as browser:
        browser.sendall(f"GET /report HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n".encode())
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        process.stdout.close()
        assert process.wait(30) == 0
    assert said == "the server has ended; no search runs\n"


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
        (["--problem", "max-signal"], "--problem is one of a study's"),
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
        process = running.viewing.searches.process_id
        said = _left_running(running)
        assert f"runs on, as process {process}: kill {process} stops it" in said
        assert f"sequence-search view {tmp_path}/max-signal shows it again" in said
        os.kill(process, 0)
        assert post(running, "/stop", {}).status == 200
        running.viewing.searches._process.wait(20)
        assert _left_running(running) == "the server has ended; no search runs"
