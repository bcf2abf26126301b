"""Proposals of sequences to refine: random ones over the whole search space, and changes of good ones.

None knows of sequences: no proposal is placed at a spin echo or an inversion recovery. What some know is when
a coherence pathway refocuses, which is a property of the simulation: there the loss has its narrow valleys.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.descent import echoes
from sequence_search.strategies.drafts import FIXED, Draft, gradient_codes

TRIES = 8  # to find a pathway that can refocus
MOST_CHANGES = 4  # of one child: the way from one good structure to another leads over bad ones

# What a single sequence has, [columns, n_rf]: flip angles, phases [rad] and delays [s]; of a draft, where
# there is a choice, the places of its kinds and gradients too.
Pulses = np.ndarray
FLIP, PHASE, DELAY, KIND, GRADIENT = range(5)
OF_PULSE, OF_INTERVAL = (FLIP, PHASE, KIND), (DELAY, GRADIENT)


def random_designs(space: SearchSpace, count: int, rng: np.random.Generator) -> list[Sequence]:
    """Single sequences spread over the whole search space.

    The number of pulses is uniform in 1 to max_rf, flip angles are uniform in the flip range, phases
    uniform, and delays log-uniform from the shortest delay to the longest initial wait; but a share of them,
    uniform for each sequence, is the shortest, because where delays cost signal many optima have those.
    """
    designs = []
    for _ in range(count):
        pulses = _random_pulses(space, int(rng.integers(1, space.max_rf + 1)), rng)
        pulses[DELAY, rng.random(pulses.shape[1]) < rng.random()] = space.min_rf_delay
        designs.append(_as_sequence(pulses))
    return designs


def changed_designs(
    parents: list[Sequence], space: SearchSpace, count: int, rng: np.random.Generator
) -> list[Sequence]:
    """Sequences made from good ones by one to four changes each.

    Parameters
    ----------
    parents : list of Sequence
        Single ones, best first: the earlier in the list, the more children, unless there is a choice of kinds
        or gradients. Then many of the first are neighbours on one slope, and all have as many.
    """
    pulses = [_as_pulses(parent, space) for parent in parents]
    changes = (*CHANGES, *[_play_another] * 3) if space.has_choice else CHANGES
    # The square of a uniform draw prefers the front of the list.
    power = 1 if space.has_choice else 2
    children = []
    for _ in range(count):
        child: Pulses = pulses[int(len(pulses) * rng.random() ** power)]
        for _ in range(int(rng.integers(1, MOST_CHANGES + 1))):
            change = changes[int(rng.integers(len(changes)))]
            child = change(child, pulses, space, rng)
        children.append(_as_sequence(child))
    return children


Change = Callable[[Pulses, list[Pulses], SearchSpace, np.random.Generator], Pulses]


def _as_pulses(sequence: Sequence, space: SearchSpace) -> Pulses:
    """With positive flip angles, where the descent may have made them negative: phases turned by 180°."""
    flip, phase = sequence.flip_angle.numpy(), sequence.phase.numpy()
    more = []
    if isinstance(sequence, Draft) and space.has_choice:
        more = [sequence.kind.numpy(), sequence.gradient.numpy()]
    return np.stack([abs(flip), np.where(flip < 0, phase + math.pi, phase), sequence.delay.numpy(), *more])


def _as_sequence(pulses: Pulses) -> Sequence:
    flip_angle, phase, delay, *more = torch.from_numpy(pulses)
    if not more:
        return Sequence(flip_angle, phase, delay)
    kind, gradient = more
    none = torch.zeros_like(delay)
    # Bounds and a repetition time come with what all sequences of the problem have in common.
    return Draft(
        flip_angle,
        phase,
        delay,
        kind=kind,
        gradient=gradient,
        shortest=none,
        longest=none,
        largest=none,
        repetition=none + FIXED,
    )


def _random_pulses(space: SearchSpace, n_rf: int, rng: np.random.Generator) -> Pulses:
    low, high = space.flip_range
    longest = max((wait[1] for wait in space.wait_ranges), default=space.max_delay)
    ratio = max(longest / space.min_rf_delay, 1.0)
    pulses = [
        rng.uniform(low, high, n_rf),
        rng.uniform(-math.pi, math.pi, n_rf),
        space.min_rf_delay * ratio ** rng.random(n_rf),
    ]
    if space.has_choice:
        kind = rng.integers(len(space.pulses), size=n_rf).astype(float)
        # Gradients everywhere would leave few pathways: of each sequence a share, uniform.
        gradient = np.where(rng.random(n_rf) < rng.random(), rng.choice(gradient_codes(space), n_rf), 0)
        pulses += [kind, gradient]
    return np.stack(pulses)


def _add(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """A random pulse before, between or after the others, with a delay of its own."""
    n_rf = pulses.shape[1]
    if n_rf >= space.max_rf:
        return _replace(pulses, others, space, rng)
    at = int(rng.integers(n_rf + 1))
    child = np.insert(pulses, at, _random_pulses(space, 1, rng)[:, 0], axis=1)
    if rng.random() < 0.5:
        child[DELAY, at] = space.min_rf_delay
    return child


def _split(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """One pulse as two of its phase, of parts of its flip angle, the shortest delay apart."""
    n_rf = pulses.shape[1]
    if n_rf >= space.max_rf:
        return _shift(pulses, others, space, rng)
    at, part = int(rng.integers(n_rf)), rng.random()
    child = np.insert(pulses, at, pulses[:, at], axis=1)
    child[FLIP, at : at + 2] *= part, 1 - part
    child[DELAY, at] = space.min_rf_delay
    return child


def _repeat(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """One or two copies of a pulse before it, of any phase, about the shortest delay apart."""
    n_rf = pulses.shape[1]
    room = space.max_rf - n_rf
    if room < 1:
        return _replace(pulses, others, space, rng)
    n_copies = min(room, int(rng.integers(1, 3)))
    at = int(rng.integers(n_rf))
    short = space.min_rf_delay * (1 + rng.random(n_copies))
    copies = np.repeat(pulses[:, [at]], n_copies, axis=1)
    copies[PHASE], copies[DELAY] = rng.uniform(-math.pi, math.pi, n_copies), short
    return np.concatenate([pulses[:, :at], copies, pulses[:, at:]], axis=1)


def _drop(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """Without one pulse; its delay goes to the one before it, or not at all."""
    n_rf = pulses.shape[1]
    if n_rf == 1:
        return _replace(pulses, others, space, rng)
    at = int(rng.integers(n_rf))
    child = pulses.copy()
    if at > 0 and rng.random() < 0.5:
        child[DELAY, at - 1] = min(child[DELAY, at - 1] + child[DELAY, at], space.max_delay)
    return np.delete(child, at, axis=1)


def _replace(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """One pulse random, or its delay."""
    child = pulses.copy()
    at = int(rng.integers(pulses.shape[1]))
    new = _random_pulses(space, 1, rng)[:, 0]
    changed = _rows(OF_PULSE if rng.random() < 0.5 else OF_INTERVAL, pulses)
    child[changed, at] = new[changed]
    return child


def _shift(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """All parameters a little elsewhere, delays by a factor; or half of them."""
    flip, phase, delay, *more = pulses
    by_angle, by_factor = 10 ** rng.uniform(-2.5, 0), 10 ** rng.uniform(-3.5, 0)
    noise = rng.normal(size=(3, len(flip)))
    if rng.random() < 0.5:
        noise *= rng.random(len(flip)) < 0.5
    flip = np.clip(flip + by_angle * noise[0], 0, min(2 * math.pi, space.max_flip))
    phase = phase + by_angle * noise[1]
    return np.stack([flip, phase, _clipped(delay * np.exp(by_factor * noise[2]), space), *more])


def _stretch(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """The delays of one echo, or one delay, longer or shorter by a factor: the echo stays."""
    delay = pulses[DELAY]
    found, single = echoes(delay), np.eye(len(delay), dtype=bool)
    choice = found if len(found) and rng.random() < len(found) / (len(found) + len(delay) / 2) else single
    factor = math.exp(rng.normal(0, 10 ** rng.uniform(-3, 0)))
    stretched = choice[int(rng.integers(len(choice)))]
    return _with_delay(pulses, np.where(stretched, _clipped(delay * factor, space), delay))


def _refocus(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """One delay such that a random pathway over a run of pulses refocuses, where it can."""
    delay = pulses[DELAY]
    if len(delay) < 2:
        return _replace(pulses, others, space, rng)
    for _ in range(TRIES):
        orders = rng.integers(-1, 2, len(delay))
        start, stop = sorted(rng.choice(len(delay) + 1, 2, replace=False))
        orders[:start], orders[stop:] = 0, 0
        played = np.flatnonzero(orders)
        if len(played) > 1:
            at = int(rng.choice(played))
            refocused = delay[at] - orders[at] * (orders @ delay)
            if space.min_rf_delay <= refocused <= space.max_delay:
                return _with_delay(pulses, np.where(np.arange(len(delay)) == at, refocused, delay))
    return _shift(pulses, others, space, rng)


def _swap(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """Two pulses in each other's place; the delays stay."""
    child = pulses.copy()
    first, second = rng.integers(pulses.shape[1], size=2)
    for row in _rows(OF_PULSE, pulses):
        child[row, [first, second]] = pulses[row, [second, first]]
    return child


def _move(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """One pulse and its delay elsewhere among the others."""
    n_rf = pulses.shape[1]
    order = np.delete(np.arange(n_rf), at := int(rng.integers(n_rf)))
    return np.asarray(pulses[:, np.insert(order, int(rng.integers(n_rf)), at)])


def _reverse(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """A run of pulses backwards, with the delays between them."""
    start, last = sorted(rng.integers(pulses.shape[1], size=2))
    child = pulses.copy()
    for rows, stop in ((OF_PULSE, last + 1), (OF_INTERVAL, last)):
        chosen = _rows(rows, pulses)
        child[chosen, start:stop] = child[chosen, start:stop][:, ::-1]
    return child


def _cross(pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator) -> Pulses:
    """The beginning of another and the end of this, or as much of it as fits."""
    other = others[int(rng.integers(len(others)))]
    head = int(rng.integers(other.shape[1] + 1))
    tail = int(rng.integers(1 if head == 0 else 0, pulses.shape[1] + 1))
    tail = min(tail, space.max_rf - head)
    return np.concatenate([other[:, :head], pulses[:, pulses.shape[1] - tail :]], axis=1)


def _play_another(
    pulses: Pulses, others: list[Pulses], space: SearchSpace, rng: np.random.Generator
) -> Pulses:
    """One pulse of another kind, or another gradient after one; or a crusher on both sides of a pulse."""
    child = pulses.copy()
    at = int(rng.integers(pulses.shape[1]))
    choice, codes = rng.random(), gradient_codes(space)
    if choice < 0.3 and len(space.pulses) > 1:
        child[KIND, at] = rng.integers(len(space.pulses))
    elif choice < 0.6 and at > 0:
        child[GRADIENT, at - 1 : at + 1] = rng.choice(codes)
    else:
        child[GRADIENT, at] = rng.choice(codes)
    return child


def _rows(rows: tuple[int, ...], pulses: Pulses) -> list[int]:
    """Those of them that there are."""
    return [row for row in rows if row < len(pulses)]


def _with_delay(pulses: Pulses, delay: np.ndarray) -> Pulses:
    child = pulses.copy()
    child[DELAY] = delay
    return child


def _clipped(delay: np.ndarray, space: SearchSpace) -> np.ndarray:
    return np.asarray(delay.clip(space.min_rf_delay, space.max_delay))


# Each as often as it stands here.
CHANGES: tuple[Change, ...] = (
    *(_add, _split, _repeat, _drop, _replace, _cross, _swap, _move, _reverse),
    *[_refocus] * 2,
    *[_stretch, _shift] * 3,
)
