"""Random sequences with their signals, losses, courses and phase graphs, for the engine of the page."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from conftest import random_brain_voxels
from random_layouts import KINDS, N_PLACES, random_case
from sequence_search.engines.simulator import Simulator
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.page.data import kinds_data, objective_data, sequence_data, voxels_data
from sequence_search.problem.problem import Problem
from sequence_search.report.phase_graph import phase_graph
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

TISSUES = [0, 0, 1, 1, 2, 2]
N_TIMES = 12
GRAPHS_EVERY = 5  # since they take longest
PROBLEM = replace(Problem.load("max-signal"), pulses=KINDS)


def page_case(number: int) -> dict[str, Any]:
    """A random sequence and voxels of three tissues, and what the engine for layouts makes of them."""
    rng = np.random.default_rng(1000 + number)
    sequence = random_case(number).sequence
    voxels = case_voxels(number)
    objective = random_objective(rng, sequence)
    simulator = Simulator(voxels, objective, "configurations", kinds=KINDS, n_places=N_PLACES)
    signal = simulator.signal(sequence).reshape(-1)
    times = np.sort(rng.uniform(0, float(sequence.intervals.sum()), N_TIMES))
    mxy, mz = simulator.evolve(sequence, torch.from_numpy(times))
    return {
        "number": number,
        "sequence": sequence_data(sequence),
        "voxels": voxels_data(voxels),
        "terms": objective_data(objective),
        "signal": [signal.real.tolist(), signal.imag.tolist()],
        "parts": [float(part) for part in simulator.parts(sequence).values()],
        "times": times.tolist(),
        "course": [part.flatten().tolist() for part in (mxy.real, mxy.imag, mz)],
        "graph": graph(sequence) if number % GRAPHS_EVERY == 0 else None,
    }


def case_voxels(number: int) -> Voxels:
    voxels = random_brain_voxels(len(TISSUES), number, weight=1.0)
    voxels.t1.mul_(0.25)  # soon steady
    endless = number % 3 == 0
    return Voxels(
        *(voxels.m0, voxels.t1, voxels.t2, float("inf") if endless else voxels.t2_prime),
        *(voxels.b1, voxels.b0, 0.0 if endless else voxels.spread),
        tissue=torch.tensor(TISSUES),
    )


def random_objective(rng: np.random.Generator, sequence: Sequence) -> Objective:
    """Every term that the sequence has a value of, with random tissues, shares and readouts."""
    terms = []
    hard = sequence.layout is None or "hard" in sequence.layout.kinds
    for name, kind in TERMS.items():
        if (kind.takes_kinds and hard) or (name == "snr_efficiency" and not sequence.is_steady):
            continue
        if kind.of == "slopes":  # which the page does not compute, and says so
            continue
        tissues = None
        if kind.n_tissues[1] != 0:
            count = kind.n_tissues[1] or int(rng.integers(1, 4))
            tissues = tuple(rng.permutation(3)[:count].tolist())
        brighter = tissues[0] if name == "contrast" and tissues and rng.random() < 0.7 else None
        takes_worst = kind.takes_worst and (name != "contrast" or brighter is not None)
        share = float(rng.uniform(0.1, 1)) if takes_worst and rng.random() < 0.7 else 1.0
        readouts = None
        if tissues and rng.random() < 0.5:
            count = int(rng.integers(1, sequence.n_readouts + 1))
            readouts = tuple((1 + rng.permutation(sequence.n_readouts)[:count]).tolist())
        terms.append(Term(name, kind, float(rng.uniform(0.1, 2)), tissues, brighter, share, readouts))
    return Objective(tuple(terms))


def graph(sequence: Sequence) -> dict[str, Any]:
    """Parts of the states of the first tissue's nominal voxel."""
    states = phase_graph(sequence, PROBLEM)
    columns = ("pulse", "is_transverse", "moment", "clock", "amplitude", "part")
    return {
        "voxel": voxels_data(PROBLEM.voxels(method="nominal").of_tissues((0,))),
        "states": [[getattr(state, name) for name in columns] for state in states],
    }


def page_cases(count: int) -> dict[str, Any]:
    return {
        "kinds": kinds_data(KINDS),
        "nPlaces": N_PLACES,
        "cases": [page_case(number) for number in range(count)],
    }
