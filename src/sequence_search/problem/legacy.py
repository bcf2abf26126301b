"""Hashes of problems as version 0.1 made them, by which studies of that time are recognised. Frozen."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from typing import Any

from sequence_search.problem.problem import Problem
from sequence_search.problem.writing import write_table

FUNCTIONS = {"signal": "signal_loss", "null": "null_loss", "contrast": "contrast_loss"}


def legacy_digest(problem: Problem) -> str:
    """SHA-256 as in a study.json of schema version 1, in hex; it knows the fields of that time only."""
    space = write_table("search_space", problem.search_space)
    content = [
        [{"name": each.name} | _varying(each, "m0", "t1", "t2", "t2_prime") for each in problem.tissues],
        _varying(problem.imaging, "b1", "b0", "spread"),
        [
            [each.name, FUNCTIONS.get(each.kind.name, each.kind.name), float(each.weight), each.tissues]
            for each in problem.objective.terms
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


def _varying(owner: Any, *names: str) -> dict[str, Any]:
    return {name: asdict(getattr(owner, name)) for name in names}
