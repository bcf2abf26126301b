"""A Pulseq file beside the design that it is to play."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from sequence_search.playback.events import PulseqError
from sequence_search.playback.score import N_PER_TISSUE, Played, Score, play, score_design
from sequence_search.playback.simulation import N_SPINS
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a file gives as it is played, beside its design over the same voxels.

    Attributes
    ----------
    played : the file, with its score
    design : score of the design, by the engine that all searches use
    """

    played: Played
    design: Score

    @property
    def difference(self) -> dict[str, float]:
        """Of the mean |S| of each tissue, file less design [a.u.]."""
        return {name: self.played.score.signal[name] - mean for name, mean in self.design.signal.items()}

    @property
    def largest(self) -> float:
        """Largest of them at any readout, without its sign [a.u.]."""
        pairs = zip(self.played.score.readouts, self.design.readouts, strict=True)
        return max(abs(mine[name] - its[name]) for mine, its in pairs for name in its)

    @property
    def loss_difference(self) -> float:
        """Of the loss, file less design."""
        return self.played.score.loss - self.design.loss

    @property
    def relative_loss_difference(self) -> float:
        """The same, relative to the sum of the sizes of the design's terms, which may cancel in its loss."""
        size = sum(map(abs, self.design.terms.values()))
        return self.loss_difference / size if size else math.inf * bool(self.loss_difference)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "file": self.played.file.name,
            "played": asdict(self.played.score),
            "design": asdict(self.design),
            "difference": {
                "signal": self.difference,
                "largest_signal": self.largest,
                "loss": self.loss_difference,
                "relative_loss": self.relative_loss_difference,
            },
        }

    def rows(self) -> list[list[str]]:
        """Quantity, file as played, design, and difference, in text."""
        mine, its = self.played.score, self.design
        rows = [
            [f"mean |Mxy| {name}", f"{mine.signal[name]:.4f}", f"{its.signal[name]:.4f}", f"{less:+.4f}"]
            for name, less in self.difference.items()
        ]
        for name, part in its.terms.items():
            less = mine.terms[name] - part
            rows.append([f"{name} (weighted)", f"{mine.terms[name]:.6f}", f"{part:.6f}", f"{less:+.6f}"])
        change = f"{self.loss_difference:+.6f} ({100 * self.relative_loss_difference:+.2f} % of the terms)"
        return [*rows, ["loss", f"{mine.loss:.6f}", f"{its.loss:.6f}", change]]


def compare(
    source: Any,
    sequence: Sequence,
    problem: Problem,
    *,
    n_per_tissue: int = N_PER_TISSUE,
    n_spins: int = N_SPINS,
    seed: int = 0,
    size: tuple[float, float, float] | None = None,
    field: float | None = None,
) -> Comparison:
    """Play a Pulseq file, and score it beside its design over the same voxels.

    Parameters
    ----------
    source, n_per_tissue, n_spins, seed, size, field
        See `play`.
    sequence : the design, single, as the problem plays it

    Raises
    ------
    PulseqError
        If the file is not understood, or does not read as often as the design.
    ValueError
        If the objective has no value of the file.
    """
    played = play(
        source, problem, n_per_tissue=n_per_tissue, n_spins=n_spins, seed=seed, size=size, field=field
    )
    n_readouts = len(played.repetitions.reads)
    if n_readouts != sequence.n_readouts:
        raise PulseqError(
            f"{played.file.name} reads {n_readouts} times a repetition, and the design {sequence.n_readouts}"
        )
    single = sequence.without_padding().detach()
    return Comparison(played, score_design(single, problem, problem.voxels(n_per_tissue)))
