"""NIfTI files: maps of a user's own, and images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from sequence_search.extras import imported
from sequence_search.preview.anatomy import NEEDED, Anatomy, Map
from sequence_search.storage import replacing
from sequence_search.words import enumerated

MILLISECONDS = 1e-3
SAME_MM = 1e-2  # by which the places of two maps may differ


class Quantity(NamedTuple):
    """What a map of it is called in an `Anatomy`, and how many SI units are one of the file's."""

    name: str
    unit: float = 1.0
    least: float = 0.0  # of its largest value, below which the unit is another
    largest: float = np.inf  # above which it is another
    unit_name: str = ""


QUANTITIES = {
    "T1": Quantity("t1", MILLISECONDS, 50, 1e5, "in ms"),
    "T2": Quantity("t2", MILLISECONDS, 5, 1e5, "in ms"),
    "T2PRIME": Quantity("t2_prime", MILLISECONDS, 5, np.inf, "in ms"),
    "PD": Quantity("m0"),
    "M0": Quantity("m0"),
    "B0": Quantity("b0", 1.0, -np.inf, np.inf, "in Hz"),
    "B1": Quantity("b1", 1.0, 0.1, 5, "relative to nominal, which is 1"),
}


def read_anatomy(files: Mapping[str, Path], voxel_mm: tuple[float, float, float] | None = None) -> Anatomy:
    """Anatomy of NIfTI maps.

    Parameters
    ----------
    files : mapping of what it is a map of to file
        "T1", "T2", "T2prime" [ms], "PD" or "M0", "b0" [Hz], "b1" [relative]; any other name is a tissue's, of
        whose fraction it is. Without tissues, T1, T2 and PD are needed.
    voxel_mm : optional
        In larger voxels, as `Anatomy.coarser`.

    Raises
    ------
    ValueError
        If a file cannot be read, the grids differ, a unit is wrong, or as `Anatomy`.
    """
    maps: dict[str, Map] = {}
    names: dict[str, str] = {}
    affine, first = np.eye(4), ""
    for word, file in files.items():
        quantity = QUANTITIES.get(word.upper().replace("_", "").replace("'", "PRIME"))
        name = word if quantity is None else quantity.name
        if name in maps:
            raise ValueError(f"{file}: there is a map of {names[name]} already, which is the same as {word}")
        maps[name], its_affine = _read(file)
        names[name] = word
        if quantity is not None:
            maps[name] = _in_si(maps[name], quantity, word, file)
        if not first:
            affine, first = its_affine, str(file)
        _check_grid(maps[name], its_affine, next(iter(maps.values())), affine, str(file), first)
    known = {each.name for each in QUANTITIES.values()}
    fractions = {name: part for name, part in maps.items() if name not in known}
    properties = {name: maps[name] for name in (*NEEDED, "t2_prime") if name in maps}
    if not fractions and (
        missing := [word for word in ("T1", "T2", "PD") if QUANTITIES[word].name not in maps]
    ):
        raise ValueError(f"maps of {enumerated(missing)} are missing: state them, or fractions of tissues")
    anatomy = Anatomy(affine, fractions, properties, maps.get("b0"), maps.get("b1"))
    return anatomy if voxel_mm is None else anatomy.coarser(voxel_mm)


def write_nifti(file: Path, volume: Float[np.ndarray, "..."], affine: Float[np.ndarray, "4 4"]) -> None:
    """Write a magnitude [x, y, z], or [x, y, z, n_readouts], as float32; whole or not at all."""
    nibabel = imported("nibabel", "preview", "a preview")
    made = nibabel.Nifti1Image(np.asarray(volume, np.float32), affine)
    made.header.set_xyzt_units("mm")
    with replacing(file) as aside:  # which ends in what says whether it is compressed
        nibabel.save(made, aside)


def _read(file: Path) -> tuple[Map, Float[np.ndarray, "4 4"]]:
    """Map of a file with its axes as in `Anatomy`, and its affine."""
    nibabel = imported("nibabel", "preview", "a preview")
    try:
        loaded: Any = nibabel.as_closest_canonical(nibabel.load(os.fspath(file)))
        part = np.asarray(loaded.dataobj, np.float32)
    except (OSError, ValueError, EOFError, nibabel.filebasedimages.ImageFileError) as error:
        raise ValueError(f"{file}: cannot be read as NIfTI: {error}") from None
    while part.ndim > 3 and part.shape[-1] == 1:
        part = part[..., 0]
    if part.ndim != 3:
        raise ValueError(f"{file}: a map has three dimensions, got {part.shape}")
    if not np.isfinite(part).all():
        count = int((~np.isfinite(part)).sum())
        raise ValueError(f"{file}: {count:,} values are NaN or infinite: write 0 where nothing is known")
    return part, np.asarray(loaded.affine, float)


def _in_si(part: Map, quantity: Quantity, word: str, file: Path) -> Map:
    top = float(part.max())
    if not quantity.least <= top <= quantity.largest:
        raise ValueError(f"{file}: {word} must be {quantity.unit_name}, got a largest value of {top:.4g}")
    if quantity.name != "b0" and part.min() < 0:
        raise ValueError(f"{file}: {word} must not be negative, got {part.min():.4g}")
    return part * np.float32(quantity.unit)


def _check_grid(
    part: np.ndarray,
    affine: np.ndarray,
    first_part: np.ndarray,
    first_affine: np.ndarray,
    file: str,
    first: str,
) -> None:
    """Refuse maps of which voxels lie elsewhere than those of the first."""
    if part.shape != first_part.shape:
        raise ValueError(f"{file} has {part.shape} voxels, and {first} has {first_part.shape}: resample one")
    corners = np.array(np.meshgrid(*([0, size - 1] for size in part.shape))).reshape(3, -1)
    moved = (affine - first_affine)[:3] @ np.vstack([corners, np.ones(8)])
    if (apart := float(np.abs(moved).max())) > SAME_MM:
        raise ValueError(f"the voxels of {file} and {first} lie up to {apart:.4g} mm apart: resample one")
