import importlib

import pytest

import sequence_search


def test_every_public_name_is_there():
    for name in sequence_search.__all__:
        assert getattr(sequence_search, name).__name__ == name


def test_search_and_simulate_stay_functions_when_their_modules_are_imported():
    for name in ("search", "simulate"):
        importlib.import_module(f"sequence_search.{name}")
        assert callable(getattr(sequence_search, name))


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'sarch'"):
        sequence_search.sarch  # noqa: B018
