"""The package's public names."""

import importlib

import pytest

import sequence_search


def test_every_public_name_is_there():
    for name in sequence_search.__all__:
        assert getattr(sequence_search, name) is not None


def test_search_and_simulate_are_functions_whatever_was_imported():
    for module in ("engines.simulator", "strategies", "grid.search", "problem.problem"):
        importlib.import_module(f"sequence_search.{module}")
    assert callable(sequence_search.search)
    assert callable(sequence_search.simulate)


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="sarch"):
        sequence_search.sarch  # noqa: B018
