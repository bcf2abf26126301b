"""What a page computes with, as plain data for JSON in SI units; `frontend/src/engine` reads it."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sequence_search.layout import Layout
from sequence_search.layout_record import write_layout
from sequence_search.objective import Objective
from sequence_search.problem.problem import Problem
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import IN_REPORT, IN_SEARCH
from sequence_search.report.drawing import COLOURS
from sequence_search.report.robustness import N_B0, N_B1, TABLE_B0, TABLE_B1, field_axis
from sequence_search.sequence import Sequence
from sequence_search.voxels import PROPERTIES, Voxels

NAMES = {"t2_prime": "t2Prime"}  # of properties, in the page


def problem_data(problem: Problem, source: str) -> dict[str, Any]:
    """What the page simulates of a problem; `source` names it on the command line."""
    return {
        "name": problem.name,
        "title": problem.title,
        "source": source,
        "tissues": [
            {"name": tissue.name, "colour": COLOURS[index % len(COLOURS)]}
            for index, tissue in enumerate(problem.tissues)
        ],
        "nominal": voxels_data(problem.voxels(method="nominal")),
        "voxels": voxels_data(problem.voxels()),
        "terms": objective_data(problem.objective),
        "kinds": kinds_data(problem.pulses),
        "nPlaces": IN_REPORT,
        "fewPlaces": IN_SEARCH,
        "b0": field_axis(problem.imaging.b0, TABLE_B0, N_B0).tolist(),
        "b1": field_axis(problem.imaging.b1, TABLE_B1, N_B1).tolist(),
    }


def sequence_data(sequence: Sequence) -> dict[str, Any]:
    """Flip angles and phases [rad], delays [s] and layout of a single sequence, whose layout may be plain."""
    single = sequence.detach().without_padding()
    layout = single.layout or Layout.plain(single.flip_angle.shape[-1])
    return {
        "flip": single.flip_angle.tolist(),
        "phase": single.phase.tolist(),
        "delay": single.delay.tolist(),
        "layout": write_layout(layout),
    }


def voxels_data(voxels: Voxels) -> dict[str, str]:
    """Columns as float64 in base64, which are exact and may be infinite; indices of tissues as int32."""
    columns = {NAMES.get(name, name): _packed(getattr(voxels, name).numpy(), "<f8") for name in PROPERTIES}
    return columns | {"tissue": _packed(voxels.tissue.numpy(), "<i4")}


def objective_data(objective: Objective) -> list[dict[str, Any]]:
    """Terms with their weight, tissues and readouts; of the user's own, and of an estimate, only the name."""
    return [
        {
            "name": term.name,
            "kind": "" if term.kind.own or term.estimate else term.kind.name,
            "weight": term.weight,
            "tissues": None if term.tissues is None else list(term.tissues),
            "brighter": term.brighter,
            "worstShare": term.worst_share,
            "readouts": None if term.readouts is None else list(term.readouts),
        }
        for term in objective.terms
    ]


def kinds_data(kinds: Mapping[str, Kind]) -> dict[str, dict[str, Any]]:
    """Waveforms and what else a simulation needs, by name; of an instantaneous one no B1."""
    return {
        name: {
            "real": kind.waveform.real.tolist(),
            "imaginary": kind.waveform.imag.tolist(),
            "dwell": kind.dwell,
            "duration": kind.duration,
            "fixedFlip": kind.fixed_flip,
            "offset": kind.offset,
            "sliceBandwidth": kind.slice_bandwidth,
            "peakB1": _finite(kind.peak_b1_ut(1.0)),
            "rmsB1": _finite(kind.rms_b1_ut(1.0)),
        }
        for name, kind in kinds.items()
    }


def _packed(values: np.ndarray, dtype: str) -> str:
    return base64.b64encode(values.astype(dtype).tobytes()).decode("ascii")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
