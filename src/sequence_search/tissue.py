"""What is imaged and under which conditions: tissues and imaging properties, Table I."""

from __future__ import annotations

from dataclasses import dataclass

from sequence_search.distributions import Distribution


@dataclass(frozen=True, slots=True)
class Tissue:
    """Properties of one tissue, each a distribution over voxels. Sequence Search, Table I.

    Attributes
    ----------
    name : str
    m0 : Distribution
        Equilibrium magnetisation [a.u.].
    t1, t2, t2_prime : Distribution
        Relaxation times [s]; ``t2_prime = inf`` means no reversible dephasing.
    """

    name: str
    m0: Distribution
    t1: Distribution
    t2: Distribution
    t2_prime: Distribution


@dataclass(frozen=True, slots=True)
class Imaging:
    """Imaging properties, shared by all tissues. Sequence Search, Table I.

    Attributes
    ----------
    b1 : Distribution
        Transmit field relative to nominal [1].
    b0 : Distribution
        Off-resonance of the voxel [Hz].
    spread : Distribution
        Half width of the uniform frequency spread within a voxel [Hz].
    """

    b1: Distribution
    b0: Distribution
    spread: Distribution
