"""The server: where it answers, and what it leaves behind."""

import os
import threading
import time

import pytest

from sequence_search.view import follow, handler
from sequence_search.view.server import make_server
from view_cases import Events, finished, post, request, served


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(follow, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(handler, "LOOK_EVERY_S", 0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished study, not to be changed."""
    return finished(tmp_path_factory.mktemp("server") / "study")


@pytest.fixture
def tasks(tmp_path):
    """A server without a study."""
    with served(directory=tmp_path) as running:
        yield running


def test_it_answers_on_this_machine_alone(tasks):
    assert tasks.server_address[0] == "127.0.0.1"
    assert tasks.url == f"http://127.0.0.1:{tasks.server_port}/"


def test_a_browser_that_goes_away_ends_its_thread(folder):
    with served(folder) as running:
        before = threading.active_count()
        viewers = [Events(running) for _ in range(5)]
        for viewer in viewers:
            viewer.next("status")
        assert threading.active_count() == before + 5
        for viewer in viewers:
            viewer.__exit__()
        assert_threads(before)


def assert_threads(count):
    deadline = time.monotonic() + 10
    while threading.active_count() > count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= count


def many_requests(running, count):
    """Threads and descriptors, if the system tells, before and after so many requests of all sorts."""
    descriptors = "/proc/self/fd"
    seen = []
    for each in (20, count):
        for number in range(each):
            path = ("/", "/nothing", "/study", "/favicon.ico")[number % 4]
            assert request(running, path).status in (200, 204, 404)
            if number % 10 == 0:
                assert post(running, "/task", {}).status == 400
        assert_threads(threading.active_count())
        time.sleep(0.2)
        seen.append(
            (threading.active_count(), len(os.listdir(descriptors)) if os.path.isdir(descriptors) else 0)
        )
    return seen


def test_requests_leave_nothing_behind(folder):
    with served(folder) as running:
        before, after = many_requests(running, 200)
    assert after[0] <= before[0]
    assert after[1] <= before[1]


@pytest.mark.slow
def test_ten_thousand_requests_leave_nothing_behind(folder):
    with served(folder) as running:
        before, after = many_requests(running, 10_000)
    assert after[0] <= before[0]
    assert after[1] <= before[1]


def test_a_port_that_is_taken_names_one_that_is_free(tasks, tmp_path):
    with pytest.raises(
        ValueError, match=rf"port {tasks.server_port} cannot be had: .*; \d+ is free: --port \d+"
    ):
        make_server(tasks.server_port, None, tmp_path)
    other = make_server(None, None, tmp_path)
    assert other.server_port != tasks.server_port
    other.close()


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no study"):
        make_server(None, tmp_path, tmp_path)
