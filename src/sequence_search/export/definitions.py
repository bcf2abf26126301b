"""What a file says of itself: its definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sequence_search.export.plan import Plan
from sequence_search.export.protocol import Protocol
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.structure import find_structure, uses
from sequence_search.system import System


def definitions(
    sequence: Sequence, problem: Problem, protocol: Protocol, system: System, plan: Plan
) -> dict[str, Any]:
    """What the file says of itself, in m and s."""
    # Without an image it is what the gradients dephase over.
    fov = [*protocol.fov, protocol.thickness][:3] if protocol.is_image else list(protocol.voxel)
    stated: dict[str, Any] = {
        "Name": problem.name,
        "FOV": fov,
        "SliceThickness": protocol.thickness,
        "System": system.name,
        "Readout": protocol.readout,
    }
    if protocol.is_image:
        stated["Matrix"] = [int(count) for count in protocol.matrix]
    echoes = _echo_times(sequence, protocol)
    ti, tr = find_structure(sequence).ti, plan.tr
    if echoes:
        stated["TE"] = echoes if echoes[1:] else echoes[0]
    if ti is not None:
        stated["TI"] = ti
    if math.isfinite(tr):
        stated["TR"] = tr
    return stated


def _echo_times(sequence: Sequence, protocol: Protocol) -> list[float]:
    """TE of each image, of a turbo train that of the echo that reads the centre of k-space [s].

    Of several readouts each is the time from the excitation: of small refocusing angles no single pathway
    carries the signal. Of a single one it is the transverse time, which leaves out what is stored.
    """
    layout = sequence.layout
    if layout is None or len(layout.readouts) == 1:
        te = find_structure(sequence).te
        return [] if te is None else [te]
    starts = np.append(0.0, np.cumsum(np.array(layout.multiples) @ sequence.delay.numpy()))
    purposes, found = uses(sequence), []
    for readout, time in zip(layout.readouts, sequence.readout_times.tolist(), strict=True):
        excitations = [at for at in range(readout.pulse + 1) if purposes[at] == "excitation"]
        if not excitations:
            return []
        found.append(time - float(starts[excitations[-1]]))
    if not protocol.turbo:
        return found
    n_lines = protocol.lines[0]
    return [found[n_lines // 2 // (n_lines // len(found))]]
