"""Designs of a search as a table."""

import sys
from dataclasses import replace

import pytest

from page_results import result_of
from sequence_search.extras import MissingExtraError
from sequence_search.problem.problem import Problem
from sequence_search.strategies.result import failed

MAX_SIGNAL = Problem.load("max-signal")


def test_every_design_is_a_row_with_its_numbers():
    result = result_of(MAX_SIGNAL, 2)
    table = result.to_dataframe()
    assert list(table["seed"]) == [0, 0, 0, 1, 1, 1]
    assert list(table["design"]) == [1, 2, 3] * 2
    for row, design in zip(table.itertuples(), result.runs[0].families, strict=False):
        assert row.loss == design.loss
        assert row.signal_GM == design.evaluation.signal["GM"]
        assert row.part_signal == design.evaluation.terms["signal"]
        assert row.n_rf == len(design.sequence.flip_angle)
        assert row.time_to_readout_ms == pytest.approx(1e3 * float(design.sequence.time_to_readout))
        assert row.sequence == str(design.sequence)


def test_a_failed_seed_is_a_row_with_its_reason():
    result = result_of(MAX_SIGNAL, 1)
    table = replace(result, runs=(*result.runs, failed(7, "no memory", 2.0))).to_dataframe()
    last = table.iloc[-1]
    assert (last["seed"], last["status"], last["reason"]) == (7, "failed", "no memory")
    assert table["loss"].isna().tolist() == [False, False, False, True]


def test_without_pandas_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"needs pandas: pip install 'sequence-search\[notebook\]'"):
        result_of(MAX_SIGNAL, 1).to_dataframe()
