"""Phases of pulses as they are written: within a turn, the first 0, and in tables the second not negative."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.layout import SPOILER, Layout

Angle = TypeVar("Angle", float, np.ndarray, Tensor)

NO_SIGN = 1e-9  # sine of a phase that is 0 or 180° up to rounding


def wrap(angle: Angle) -> Angle:
    """Angle in (-pi, pi]; a number, a tensor or an array."""
    return math.pi - (math.pi - angle) % (2 * math.pi)


def turned_to_zero(
    flip_angle: Float[Tensor, "*batch n_rf"], phase: Float[Tensor, "*batch n_rf"], layout: Layout | None
) -> Float[Tensor, "*batch n_rf"]:
    """Phases [rad] of the same rotations by positive angles, of the first and of each behind a spoiler 0."""
    turned = torch.where(flip_angle < 0, phase + math.pi, phase)
    first = [0] * turned.shape[-1]
    for pulse in range(1, len(first)):
        spoiled = layout is not None and layout.gradients[pulse - 1] == SPOILER
        first[pulse] = pulse if spoiled else first[pulse - 1]
    return wrap(turned - turned[..., first])


def second_not_negative(
    phase: Float[Tensor, "*batch n_rf"], layout: Layout | None
) -> Float[Tensor, "*batch n_rf"]:
    """Phases [rad], all negated where the second is negative; of a layout the first but 0 and 180° counts."""
    second = phase[..., 1:2]
    if second.shape[-1] == 0:
        return phase
    if layout is not None:
        has_sign = phase.sin().abs() > NO_SIGN
        second = phase.gather(-1, has_sign.int().argmax(-1, keepdim=True))
    return torch.where(second < 0, wrap(-phase), phase)
