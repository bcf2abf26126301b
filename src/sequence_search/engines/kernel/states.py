"""Tables of the states that a layout can reach: the extended phase graph, whose shift is data.

A state is named by whole numbers: the crusher moment and how often it has gained each delay, with a sign. A
pulse mixes F(+name), F(-name) and Z(name), a triple; the interval after it moves every F on by its own name.
States of one name are merged, states that reach no readout are left out: both are exact, and no length of a
delay enters. With all delays free and no gradient the states are the pathways of `tree`; a train of echoes
has O(n²) of them. What a spoiler dephases is lost, since nothing refocuses it.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sequence_search.layout import HARD, SPOILER, Layout

MOST_TRIPLES = 2**14
KEPT = 256  # layouts whose tables are kept, of at most a few megabytes
Name = tuple[int, ...]  # crusher moment, then multiples of each delay; a triple goes by that of its F(+name)
Levels = list[list[Name]]


class Tables(NamedTuple):
    """What the kernel runs over, integers all. Level k holds the states just after pulse k.

    A place is that of an amplitude: 3 t + 0, 1, 2 of F(+name), F(-name), Z(name) of triple t; then the
    nameless F of each level; then one that is always zero.
    """

    level: np.ndarray  # [n_rf + 1], first triple of each level, and the end
    source: np.ndarray  # [triples, 3], place one level back that each amplitude comes from
    user: np.ndarray  # [triples, 3], place one level on that each goes to
    origin: np.ndarray  # [n_rf, 2], source and user of the nameless F
    span: np.ndarray  # [spans, n_delay], the different multiples of intervals and readouts
    interval: np.ndarray  # [n_rf], span of each interval
    relaxes: np.ndarray  # [spans, 2], whether anything longitudinal, anything transverse lives through it
    leaf: np.ndarray  # [leaves, n_delay], clocks with which something is read; the first counts for nothing
    read: (
        np.ndarray
    )  # [readouts, 4], by pulse: its number, span, leaf of the nameless F, first of its entries
    first_read: np.ndarray  # [n_rf + 1], first row of `read` of each pulse, and the end
    n_read: np.ndarray  # [n_rf], triples that are read, the first of each level
    entry: np.ndarray  # [entries, 2], leaves of F(+name) and F(-name) of each triple that is read
    end: np.ndarray  # leaf of Mz of each triple of the last level, at the end of a repetition
    steady: bool


def tables(layout: Layout) -> Tables:
    """Tables of a layout, the same ones whatever the kinds of its pulses.

    Raises
    ------
    ValueError
        If it has more than `MOST_TRIPLES` states of three.
    """
    return _tables(replace(layout, kinds=(HARD,) * layout.n_rf))


@functools.lru_cache(KEPT)
def _tables(layout: Layout) -> Tables:
    steps = [_step(layout, k) for k in range(layout.n_rf - 1)]
    order = sorted(range(len(layout.readouts)), key=lambda r: layout.readouts[r].pulse)
    reads: list[list[Name]] = [[] for _ in range(layout.n_rf)]
    for r in order:
        reads[layout.readouts[r].pulse].append((layout.readouts[r].gradient, *layout.readouts[r].multiples))
    levels = _levels(layout, steps, reads)

    spans, leaves = _numbers(), _numbers()
    leaves[()]  # the first: of what the crushers average away
    leaf = lambda name: 0 if name[0] else leaves[name[1:]]  # noqa: E731
    interval = [spans[multiples] for multiples in layout.multiples]
    read: list[tuple[int, ...]] = []
    entry: list[tuple[int, int]] = []
    for names, until in zip(levels, reads, strict=True):
        for name in until:
            read.append((order[len(read)], spans[name[1:]], leaf(name), len(entry)))
            some = names[: _n_read(names, until)]
            entry += [(leaf(_add(state, name)), leaf(_add(_negative(state), name))) for state in some]
    end = [leaf(name) for name in levels[-1]] if layout.steady else []
    source, user, origin = _moves(levels, steps)
    return Tables(
        level=_ends(levels),
        source=source,
        user=user,
        origin=origin,
        span=np.array(list(spans)),
        interval=np.array(interval),
        relaxes=_relaxes(layout, steps, interval, read, len(spans)),
        leaf=np.array([(0,) * layout.n_delay, *list(leaves)[1:]]),
        read=np.array(read),
        first_read=_ends(reads),
        n_read=np.array([_n_read(names, until) for names, until in zip(levels, reads, strict=True)]),
        entry=np.array(entry, np.int64).reshape(-1, 2),
        end=np.array(end, np.int64),
        steady=layout.steady,
    )


@functools.lru_cache(KEPT)
def can_list(layout: Layout) -> bool:
    """Whether a layout has `tables`."""
    try:
        tables(layout)
    except ValueError:
        return False
    return True


def _step(layout: Layout, k: int) -> Name | None:
    """What every F gains in the interval after pulse k; nothing is left of F after a spoiler."""
    gradient = layout.gradients[k]
    return None if gradient == SPOILER else (gradient, *layout.multiples[k])


def _levels(layout: Layout, steps: list[Name | None], reads: list[list[Name]]) -> Levels:
    """Names of the triples of each level that reach a readout, those first that are read there."""
    nameless = (0,) * (layout.n_delay + 1)
    reached = [{nameless}]
    for step in steps:
        reached.append({*reached[-1], *(name for old in reached[-1] for name in _moved(old, step))})
        if len(reached[-1]) > MOST_TRIPLES:
            raise ValueError(
                f"a layout may reach {MOST_TRIPLES} states of three at a time, got {len(reached[-1])}"
            )
    levels: Levels = []
    wanted: set[Name] = set()
    for names, step, until in zip(reached[::-1], [None, *steps[::-1]], reads[::-1], strict=True):
        at_end = layout.steady and not levels
        wanted = {
            name
            for name in names
            if _is_read(name, until)
            or (at_end and not name[0])
            or name in wanted
            or not wanted.isdisjoint(_moved(name, step))
        }
        levels.append(sorted(wanted - {nameless}, key=lambda name: (not _is_read(name, until), name)))
    return levels[::-1]


def _relaxes(
    layout: Layout, steps: list[Name | None], interval: list[int], read: list[tuple[int, ...]], n_spans: int
) -> np.ndarray:
    """Whether anything longitudinal, anything transverse lives through each span."""
    longitudinal = {*interval} if layout.steady else {*interval[:-1]}
    transverse = {span for span, step in zip(interval, [*steps, None], strict=True) if step is not None}
    transverse |= {span for _, span, *_ in read}
    return np.array([(span in longitudinal, span in transverse) for span in range(n_spans)], np.int64)


def _moves(levels: Levels, steps: list[Name | None]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sources and users of all amplitudes, see `Tables`."""
    first = _ends(levels)
    where = [{name: int(first[k]) + i for i, name in enumerate(names)} for k, names in enumerate(levels)]
    origins, zero = 3 * int(first[-1]), 3 * int(first[-1]) + len(levels)
    source, user = np.full((first[-1], 3), zero), np.full((first[-1], 3), zero)
    origin = np.full((len(levels), 2), zero)

    def place(k: int, name: Name) -> int:
        if not any(name):
            return origins + k
        triple = where[k].get(_unsigned(name))
        return zero if triple is None else 3 * triple + (_unsigned(name) != name)

    for k, step in enumerate(steps):
        for name, triple in where[k].items():
            if name in where[k + 1]:
                user[triple, 2] = 3 * where[k + 1][name] + 2
                source[where[k + 1][name], 2] = 3 * triple + 2
            if step is not None:
                user[triple, :2] = [place(k + 1, _add(state, step)) for state in (name, _negative(name))]
        if step is not None:
            back = _negative(step)
            origin[k, 1], origin[k + 1, 0] = place(k + 1, step), place(k, back)
            for name, triple in where[k + 1].items():
                source[triple, :2] = [place(k, _add(state, back)) for state in (name, _negative(name))]
    return source, user, origin


def _moved(name: Name, step: Name | None) -> tuple[Name, ...]:
    """Triples that F(+name) and F(-name) go to."""
    return () if step is None else tuple(_unsigned(_add(state, step)) for state in (name, _negative(name)))


def _is_read(name: Name, until: list[Name]) -> bool:
    """Whether a triple is refocused at one of the readouts."""
    return any(abs(name[0]) == gradient for gradient, *_ in until)


def _n_read(names: list[Name], until: list[Name]) -> int:
    return sum(_is_read(name, until) for name in names)


def _unsigned(name: Name) -> Name:
    """The name or its negative: that whose last part beside zeros is positive."""
    return _negative(name) if next((part for part in reversed(name) if part), 0) < 0 else name


def _negative(name: Name) -> Name:
    return tuple(-part for part in name)


def _add(name: Name, other: Name) -> Name:
    return tuple(map(int.__add__, name, other))


def _numbers() -> defaultdict[Name, int]:
    """Numbers 0, 1, ... for whatever is asked for, in that order."""
    numbers: defaultdict[Name, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    return numbers


def _ends(lists: list[list[Name]]) -> np.ndarray:
    return np.cumsum([0, *map(len, lists)])
