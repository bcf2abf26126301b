"""A server of pages in a thread of this process, and requests of it."""

import http.client
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli_call import QUICK
from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem
from sequence_search.study.study import Study
from sequence_search.view.server import ViewServer, make_server


def finished(folder):
    """A study that is done, with a tissue named as a script."""
    text = problem_text("max-signal").replace("tissues.CSF", 'tissues."<script>alert(1)</script>"')
    text = text.replace('"CSF"', '"<script>alert(1)</script>"')
    Study.create(folder, Problem.from_toml(text), seeds=range(2), **QUICK).run()
    return folder


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@contextmanager
def served(study=None, directory=Path(), problem=None):
    server = make_server(None, study, directory, problem)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.close()


def own(server: ViewServer):
    """Headers of a request from a page of the server's own."""
    return {
        "Origin": server.url.rstrip("/"),
        "Content-Type": "application/json",
        "X-Sequence-Search-Token": server.viewing.token,
    }


def request(server, path, method="GET", body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def post(server, path, given, **other):
    """A request of our own page, with other headers in place of some; None leaves one out."""
    headers = own(server) | {name.replace("_", "-"): value for name, value in other.items()}
    headers = {name: value for name, value in headers.items() if value is not None}
    body = given if isinstance(given, bytes) else json.dumps(given)
    return request(server, path, "POST", body, headers)


class Events:
    """What the server tells a browser that follows."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        self.connection.request("GET", "/events")
        self.answer = self.connection.getresponse()
        self.seen = []

    def next(self, name):
        """The next event of this name, whatever others came before it."""
        while not any(event == name for event, _ in self.seen):
            line = self.answer.readline().decode()
            assert line, "the connection has ended"
            if line.startswith("event: "):
                event = line.removeprefix("event: ").strip()
            elif line.startswith("data: "):
                self.seen.append((event, json.loads(line.removeprefix("data: "))))
        at = next(at for at, (event, _) in enumerate(self.seen) if event == name)
        return self.seen.pop(at)[1]

    def until(self, state):
        """The first status of this state."""
        while (status := self.next("status"))["state"] != state:
            pass
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answer.close()
        self.connection.close()
