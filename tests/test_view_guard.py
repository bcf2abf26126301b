"""Requests that are refused before anything is done for them."""

from email.message import Message

import pytest

from sequence_search.view.guard import LARGEST_BODY, Refused, body_length, check_change, check_host

PORT, TOKEN = 8420, "secret"
OWN = {
    "Origin": "http://localhost:8420",
    "Content-Type": "application/json; charset=utf-8",
    "X-Sequence-Search-Token": TOKEN,
}


def headers(given):
    message = Message()
    for name, value in given.items():
        message[name] = value
    return message


@pytest.mark.parametrize("host", ["127.0.0.1:8420", "localhost:8420"])
def test_this_machine_is_a_host(host):
    check_host(headers({"Host": host}), PORT)


@pytest.mark.parametrize(
    "host", ["", "evil.example:8420", "127.0.0.1", "127.0.0.1:80", "localhost:8420.evil.example"]
)
def test_another_host_is_refused(host):
    with pytest.raises(Refused) as refused:
        check_host(headers({"Host": host} if host else {}), PORT)
    assert refused.value.status == 421


def test_a_page_of_our_own_may_change():
    check_change(headers(OWN), PORT, TOKEN)


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "https://127.0.0.1:8420"}, 403),
        ({"Origin": "http://127.0.0.1:8421"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": ""}, 415),
        ({"X-Sequence-Search-Token": "secreT"}, 403),
        ({"X-Sequence-Search-Token": ""}, 403),
        ({"X-Sequence-Search-Token": "sécret"}, 403),
    ],
)
def test_a_page_of_another_may_not(other, status):
    with pytest.raises(Refused) as refused:
        check_change(headers(OWN | other), PORT, TOKEN)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 411),
        ({"Content-Length": "-1"}, 411),
        ({"Content-Length": "1e3"}, 411),
        ({"Content-Length": "²"}, 411),
        ({"Content-Length": "10", "Transfer-Encoding": "chunked"}, 411),
        ({"Content-Length": str(LARGEST_BODY + 1)}, 413),
        ({"Content-Length": "9" * 5000}, 413),
    ],
)
def test_a_body_states_a_length_that_is_not_too_large(given, status):
    with pytest.raises(Refused) as refused:
        body_length(headers(given))
    assert refused.value.status == status


def test_a_length_is_read():
    assert body_length(headers({"Content-Length": str(LARGEST_BODY)})) == LARGEST_BODY
