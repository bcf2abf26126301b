"""What a sequence achieves in a problem."""

from __future__ import annotations

from dataclasses import dataclass

from sequence_search.limits import CONVENTIONAL_RF_ENERGY
from sequence_search.problem.wishes import Wish
from sequence_search.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a sequence achieves in a problem.

    Attributes
    ----------
    loss : over the standard Sobol ensemble, 1,024 voxels per tissue
    terms : weighted part of each term; they add up to the loss
    signal : |Mxy| of the nominal voxel of each tissue (mean tissue, b1 = 1, its own b0) [a.u.]; the mean of
        several readouts
    rf_energy : sum of squared flip angles [rad²]
    relative_rf_energy : relative to 90°-180° [1]
    time_to_readout : from the first pulse to the readout [s]
    wishes : each limit of the problem, and whether it is met
    """

    loss: float
    terms: dict[str, float]
    signal: dict[str, float]
    rf_energy: float
    relative_rf_energy: float
    time_to_readout: float
    wishes: tuple[Wish, ...] = ()

    @property
    def meets_limits(self) -> bool:
        """Whether every limit of the problem is met."""
        return all(wish.met for wish in self.wishes)


def evaluation_of(
    single: Sequence, terms: dict[str, float], signal: dict[str, float], wishes: tuple[Wish, ...]
) -> Evaluation:
    """Evaluation of a single sequence with these parts of its loss, signals and wishes."""
    energy = float(single.rf_energy)
    return Evaluation(
        loss=sum(terms.values()),
        terms=terms,
        signal=signal,
        rf_energy=energy,
        relative_rf_energy=energy / CONVENTIONAL_RF_ENERGY,
        time_to_readout=float(single.time_to_readout),
        wishes=wishes,
    )
