"""Why a design works: everything that is measured of it, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch

from sequence_search.checks import FILE_UNITS, check_type
from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.blocks import (
    N_PER_TISSUE,
    Block,
    by_tissue,
    cut_blocks,
    measure_blocks,
    start_mz,
)
from sequence_search.explanation.comparison import Compared, compare
from sequence_search.explanation.crossings import Crossing, zero_crossings
from sequence_search.explanation.layouts import LeftOut, layout_of, parts_left_out
from sequence_search.explanation.pathways import TissueSignal, has_all_pathways, tissue_signals
from sequence_search.explanation.phases import Phases, examine_phases
from sequence_search.explanation.pulses import PulseWorth, pulse_worths
from sequence_search.explanation.readout import Readout, measure_readout
from sequence_search.explanation.repolished import repolished
from sequence_search.explanation.sentences import structures, two_sentences
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_REPORT, MIDDLE, selects_slice
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafting import draft_of, of_one_tr
from sequence_search.strategies.drafts import Draft
from sequence_search.words import enumerated

MOST_PULSES = 8  # as a search space has


@dataclass(frozen=True, slots=True)
class Summary:
    """What a design does, in short.

    Attributes
    ----------
    structures : names of what it holds, in the order of time
    sentences : what prepares and excites the magnetisation; what is read, beside the conventional sequence;
        of a layout what its gradients change
    blocks, crossings, readout, compared : from which they were made
    parts : where there are kinds of pulse or gradients, each left out, nothing polished
    """

    structures: tuple[str, ...]
    sentences: tuple[str, ...]
    blocks: tuple[Block, ...]
    crossings: tuple[Crossing, ...]
    readout: Readout
    compared: tuple[Compared, ...]
    parts: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a design works; pulses are counted from 0, but from 1 in words.

    Attributes
    ----------
    problem : its name
    sequence : with positive flip angles and a first phase of 0
    loss : over the standard ensemble
    tissues : none where there are too many pathways to follow all of them
    pulses : what each buys; with kinds of pulse or gradients this is in `parts`
    phases : None of a layout that no search proposes, of which nothing is polished either
    """

    problem: str
    sequence: Sequence
    loss: float
    summary: Summary
    pulses: tuple[PulseWorth, ...]
    tissues: tuple[TissueSignal, ...]
    phases: Phases | None
    parts: tuple[LeftOut, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """Two or three sentences of plain words."""
        return self.summary.sentences

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: times in ms and angles in degrees, where the key says so."""
        plain: dict[str, Any] = _plain(self)
        summary: dict[str, Any] = plain.pop("summary")
        del summary["parts"]
        del plain["pulses" if self.parts or self.sequence.layout is not None else "parts"]
        return plain | summary


def explain(problem: Problem, sequence: Sequence, *, engine: str = "auto") -> Explanation:
    """Measure why a single sequence of 1 to 8 pulses works in a problem; takes some seconds.

    Parameters
    ----------
    engine : str
        Of the losses, as for `simulate`; what stays along z is exact in any case.

    Raises
    ------
    ValueError
        If this is a batch, or of another number of pulses.
    """
    single = _checked(problem, sequence)
    fixed = of_one_tr(problem, single)
    proposed = draft_of(fixed, single)
    summary = summarize(problem, single, engine=engine)
    parts = summary.parts
    if isinstance(proposed, Draft):
        parts = repolished(fixed, proposed, parts, engine)
    return Explanation(
        problem=problem.name,
        sequence=single,
        loss=problem.evaluate(single, engine).loss,
        summary=summary,
        pulses=() if layout_of(problem, single) else pulse_worths(problem, single, engine),
        tissues=tissue_signals(problem, single) if has_all_pathways(single) else (),
        phases=None if proposed is None else examine_phases(fixed, proposed, engine),
        parts=parts,
    )


def summarize(problem: Problem, sequence: Sequence, *, engine: str = "auto") -> Summary:
    """Blocks, null times, readout and comparison of a single sequence in words; a fraction of a second.

    Arguments and errors as for `explain`.
    """
    single = _checked(problem, sequence)
    standard = problem.simulator(problem.voxels(), engine, IN_REPORT)
    middle = Simulator(problem.voxels(N_PER_TISSUE), kinds=problem.pulses, n_places=MIDDLE)
    *preparing, reading = cut_blocks(middle, single)
    blocks = measure_blocks(problem, single, preparing)
    start = start_mz(middle, single) * torch.ones_like(middle.voxels.b1)
    at_first = by_tissue(problem, middle.voxels, start)
    readout = measure_readout(problem, single, reading, blocks[-1].mz_next if blocks else at_first)
    crossings = zero_crossings(problem, single, reading[0])
    compared = compare(problem, single, readout.te, standard)
    place = ""
    if single.layout is not None and selects_slice(single.layout.kinds, problem.pulses):
        place = "in the middle of the slice"
    sentences: tuple[str, ...]
    sentences = two_sentences(single, blocks, crossings, readout, compared, place)
    parts = parts_left_out(problem, single, standard)
    if gradients := [part.effect for part in parts if part.what != "pulse"]:
        sentences += (f"Left out, {enumerated(gradients)}.",)
    return Summary(structures(blocks, readout), sentences, blocks, crossings, readout, compared, parts)


def _checked(problem: Problem, sequence: Sequence) -> Sequence:
    check_type(problem, Problem)
    check_type(sequence, Sequence)
    single = problem.playable(sequence)
    n_rf = len(single.flip_angle) - single.n_readouts + 1  # those of a train count as one
    if not 1 <= n_rf <= MOST_PULSES:
        raise ValueError(f"a sequence to explain must have 1 to {MOST_PULSES} pulses, got {n_rf}")
    return single.turn_first_to_zero()


def _plain(value: Any) -> Any:
    if isinstance(value, Sequence):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        plain = {}
        for field in fields(value):
            suffix, factor = FILE_UNITS.get(field.metadata.get("unit", ""), ("", 1.0))
            key = f"{field.name}_{suffix}" if suffix else field.name
            plain[key] = _plain(_times(getattr(value, field.name), factor))
        return plain
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _times(value: Any, factor: float) -> Any:
    """A number or each of a tuple or mapping in another unit; anything else as it is."""
    if factor == 1.0 or value is None:
        return value
    if isinstance(value, Mapping):
        return {key: _times(each, factor) for key, each in value.items()}
    return tuple(each * factor for each in value) if isinstance(value, tuple) else value * factor
