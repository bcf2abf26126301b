"""Requests as browsers make them, and as they do not."""

import shutil
import socket
import time

import pytest

from sequence_search.problem.library import problem_text
from sequence_search.study.seeds import seed_folder
from sequence_search.view import follow, handler, viewing
from sequence_search.view.guard import LARGEST_BODY
from view_cases import Events, finished, post, request, served


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(follow, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(handler, "LOOK_EVERY_S", 0.05)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("handler") / "study")


@pytest.fixture
def folder(done, tmp_path):
    return shutil.copytree(done, tmp_path / "study")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """A server without a study."""
    with served(directory=tmp_path_factory.mktemp("tasks")) as running:
        yield running


def test_every_answer_is_guarded(tasks):
    for path in ("/", "/nothing"):
        headers = request(tasks, path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/study/../../study.toml",
        "/study.toml",
        "/study/",
        "/static/page.js",
        "//etc/passwd",
        "/?study=/etc",
        "/report?problem=../x",
        "*",
    ],
)
def test_no_path_leads_to_a_file(tasks, path):
    answer = request(tasks, path)
    assert answer.status == 404
    assert answer.json == {"errors": ["nothing is here"]}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8420", "127.0.0.1", "", "localhost:1"])
@pytest.mark.parametrize("path", ["/", "/events", "/report", "/task"])
def test_another_host_gets_nothing(tasks, path, host):
    answer = request(tasks, path, headers={"Host": host})
    assert answer.status == 421
    assert tasks.viewing.token.encode() not in answer.body


def test_localhost_is_a_host(tasks):
    assert request(tasks, "/", headers={"Host": f"localhost:{tasks.server_port}"}).status == 200


@pytest.mark.parametrize(
    ("path", "method"), [("/task", "GET"), ("/stop", "GET"), ("/", "POST"), ("/events", "POST")]
)
def test_a_wrong_method_is_refused(tasks, path, method):
    answer = request(tasks, path, method)
    assert answer.status == 405
    assert f"got {method}" in answer.json["errors"][0]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW"])
def test_a_method_that_nothing_takes_is_refused(tasks, method):
    assert request(tasks, "/", method).status == 501


@pytest.mark.parametrize("path", ["/task", "/search", "/stop"])
@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": None}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"X_Sequence_Search_Token": "guessed"}, 403),
        ({"X_Sequence_Search_Token": None}, 403),
        ({"Content_Length": "many"}, 411),
    ],
)
def test_nothing_changes_for_a_page_of_another(tasks, path, other, status):
    assert post(tasks, path, {"name": "max-signal"}, **other).status == status
    assert list(tasks.viewing.searches.directory.iterdir()) == []


def test_a_body_that_is_too_large_is_refused_and_the_answer_arrives(tasks):
    answer = post(tasks, "/task", b" " * (4 * LARGEST_BODY))
    assert answer.status == 413
    assert "at most 1,048,576 bytes" in answer.json["errors"][0]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000, b'{"a": 1} 2'])
def test_a_body_that_is_no_object_is_refused(tasks, body):
    assert post(tasks, "/task", body).status == 400


def test_what_is_no_request_is_refused(tasks):
    for sent in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", tasks.server_port), timeout=10) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            received = connection.makefile("rb").read()
        assert tasks.viewing.token.encode() not in received
    assert request(tasks, "/").status == 200


def test_an_error_of_our_own_is_answered_and_the_server_lives_on(tasks, monkeypatch, capsys):
    monkeypatch.setattr(handler, "task_data", lambda given: 1 / 0)
    answer = post(tasks, "/task", {"name": "max-signal"})
    assert answer.status == 500
    assert answer.json == {"errors": ["ZeroDivisionError: division by zero"]}
    assert request(tasks, "/").status == 200
    said, deadline = "", time.monotonic() + 10
    while "ZeroDivisionError" not in said and time.monotonic() < deadline:
        said += capsys.readouterr().err
    assert "ZeroDivisionError" in said  # for whoever runs it


def test_a_task_is_checked_and_answered(tasks):
    answer = post(tasks, "/task", {"name": "max-signal"})
    assert answer.status == 200
    assert answer.json["words"].startswith("Wanted: as much signal")
    fault = post(tasks, "/task", {"toml": problem_text("max-signal").replace("1331", "-1331")})
    assert fault.status == 200
    assert "t1_ms" in fault.json["errors"][0]


def test_without_a_search_there_is_nothing_to_look_at(tasks):
    assert request(tasks, "/study").status == 404
    assert request(tasks, "/report").status == 404
    with Events(tasks) as events:
        assert events.next("status")["state"] == "none"


def test_a_study_is_served_as_text_and_starts_no_search(folder, tmp_path):
    with served(folder) as running:
        waiting = request(running, "/").body.decode()
        assert "The report stands here" in waiting
        report = request(running, "/report").body.decode()
        assert "<h2>Every seed</h2>" in report
        assert "<script>alert" not in waiting + report  # a tissue's name stays text
        assert "&lt;script&gt;alert(1)" in report
        assert request(running, "/").body == request(running, "/study").body == report.encode()
        for path in ("/search", "/stop"):
            assert post(running, path, {"name": "max-signal"}).status == 403
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study"]


def test_two_viewers_see_a_seed_as_it_ends(folder):
    result = seed_folder(folder, "max-signal", 1) / "result.json"
    content = result.read_bytes()
    result.unlink()
    with served(folder) as running, Events(running) as first, Events(running) as second:
        for viewer in (first, second):
            assert viewer.next("best")["drawn"].startswith("<img")
            assert viewer.next("status")["done"] == 1
        result.write_bytes(content[:-10])
        time.sleep(0.2)
        result.write_bytes(content)
        for viewer in (first, second):
            assert viewer.until("done")["done"] == 2


def test_it_outlives_its_study(folder):
    with served(folder) as running, Events(running) as viewer:
        viewer.until("done")
        shutil.rmtree(folder)
        gone = viewer.until("gone")
        assert "holds no study" in gone["message"]
        answer = request(running, "/report")
        assert answer.status == 409
        assert "holds no study" in answer.json["errors"][0]
        assert request(running, "/").status == 200


def test_a_link_that_leads_out_ends_what_is_shown(folder, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text('{"secret": 1}')
    result = seed_folder(folder, "max-signal", 1) / "result.json"
    with served(folder) as running:
        result.unlink()
        result.symlink_to(secret)
        assert "leads out of the study" in request(running, "/report").json["errors"][0]
        with Events(running) as viewer:
            assert viewer.next("status")["state"] == "damaged"


def test_too_many_viewers_are_refused(folder, monkeypatch):
    monkeypatch.setattr(viewing, "MOST_FOLLOWING", 2)
    with served(folder) as running, Events(running) as first, Events(running) as second:
        first.next("status")
        second.next("status")
        assert request(running, "/events").status == 503
