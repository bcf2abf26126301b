"""Hashes of problems as version 0.1 made them, by which studies of that time are recognised. Frozen."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from sequence_search.problem.problem import Problem
from sequence_search.problem.schema import write_table
from sequence_search.tissue import Distribution, Normal


def legacy_digest(problem: Problem) -> str:
    """SHA-256 as in a study.json of schema version 1, in hex; it knows the fields of that time only."""
    functions = {"signal": "signal_loss", "null": "null_loss", "contrast": "contrast_loss"}
    terms = [
        [term["term"], functions.get(term["term"], term["term"]), term["weight"]]
        for term in problem.to_dict()["objective"]
    ]
    space = write_table("search_space", problem.search_space)
    content = [
        [
            {"name": tissue.name}
            | {name: _varying(getattr(tissue, name)) for name in ("m0", "t1", "t2", "t2_prime")}
            for tissue in problem.tissues
        ],
        {name: _varying(getattr(problem.imaging, name)) for name in ("b1", "b0", "spread")},
        [
            [term.name, *row[1:], term.tissues]
            for term, row in zip(problem.objective.terms, terms, strict=True)
        ],
        {
            "max_rf": space["max_rf"],
            "rf_candidates": space["rf_candidates"],
            "flip_range": [math.radians(end) for end in space["flip_range_deg"]],
            "wait_ranges": [[low / 1e3, high / 1e3] for low, high in space["wait_ranges_ms"]],
            "min_rf_delay": space["min_rf_delay_ms"] / 1e3,
            "max_delay": space["max_delay_ms"] / 1e3,
        },
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _varying(value: Distribution) -> dict[str, Any]:
    if isinstance(value, Normal):
        return {"mean": value.mean, "sd": value.sd}
    return {"low": value.low, "high": value.high}
