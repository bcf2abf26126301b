"""Numbers of images: the signal of each tissue, contrast, and contrast to noise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sequence_search.preview.image import Image


@dataclass(frozen=True, slots=True)
class TissueSignal:
    """|signal| without noise over the voxels that are at least nine tenths of a tissue.

    Attributes
    ----------
    tissue : name of its map
    n_voxels : int
    mean, sd : in the unit of M0
    """

    tissue: str
    n_voxels: int
    mean: float
    sd: float


def tissue_signals(image: Image, readout: int = 0) -> list[TissueSignal]:
    """Of each tissue that has such voxels among those that were simulated."""
    size = np.abs(image.values[readout])
    chosen = {name: size[image.pure(name)] for name in image.tissues}
    return [
        TissueSignal(name, len(part), float(part.mean()), float(part.std()))
        for name, part in chosen.items()
        if len(part)
    ]


def contrasts(signals: list[TissueSignal]) -> dict[str, float]:
    """Difference of the means of each pair of tissues, as "GM-WM"; over sigma it is the CNR."""
    return {f"{one.tissue}-{other.tissue}": one.mean - other.mean for one, other in combinations(signals, 2)}


def noise(image: Image, snr: float, tissue: str | None = None) -> tuple[float, str]:
    """Standard deviation of the noise for an SNR, and the tissue whose mean signal that is of.

    Parameters
    ----------
    snr : mean signal at the first readout over the standard deviation
    tissue : name of its map, the brightest if not given; without tissues it is the mean of all voxels

    Raises
    ------
    ValueError
        If there is no such voxel or signal.
    """
    signals = tissue_signals(image)
    if not image.tissues and tissue is None:
        return float(np.abs(image.values[0]).mean()) / snr, "all"
    found = [each for each in signals if tissue in (None, each.tissue)]
    if not found:
        names = ", ".join(each.tissue for each in signals)
        raise ValueError(
            f"no voxel shown is nine tenths of {tissue or 'one tissue'}; of these some are: {names}"
        )
    brightest = max(found, key=lambda each: each.mean)
    if not brightest.mean > 0:
        raise ValueError(f"{brightest.tissue} has no signal that an SNR could be of")
    return brightest.mean / snr, brightest.tissue
