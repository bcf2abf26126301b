"""The steps that the global strategies share: propose, refine as one batch, keep the best, polish them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import SMALL_PULSE, Sequence
from sequence_search.strategies.base import Meter, Progress
from sequence_search.strategies.descent import descend
from sequence_search.strategies.drafts import has_slice
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.played import as_short_as_played, played_as, simulator_of
from sequence_search.strategies.result import Point, Run, failed
from sequence_search.strategies.rounds.elite import LEAST_GAIN, NICHE, Candidate, at_best, select
from sequence_search.strategies.rounds.state import SearchState

POLISH_FACTOR = 4  # times the voxels of the descent
# A sequence does nothing if its signal is below this part of the largest and its loss not below no pulse's;
# hardly anything, if its loss is below that by less than this part of it.
IDLE = 0.05
HASTE = 3  # by which the patience is divided where the starts agree
# Parts of the descent, and the share of proposals kept after each: none is dropped on the way.
NO_HALVINGS = ((1.0, 1.0),)

# Proposals of a round, single sequences, from the elite, best first; it is empty in the first round.
Propose = Callable[[list[Sequence], SearchSpace, np.random.Generator], list[Sequence]]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How proposals are refined and selected.

    Attributes
    ----------
    max_rounds, patience : int
        Rounds at most, and rounds without gain after which the search has converged; of `multistart` a third
        of them where the starts agree.
    steps : int
        Gradient steps of a proposal that is kept to the end.
    n_elite : int
        Sequences that go on, of each number of pulses or of all.
    n_polished : int
        Best sequences that are polished; the best of each number of pulses is in any case.
    learning_rate : float
        Of Adam, on radians and log delays.
    n_per_tissue : int
        Sobol voxels of the descent, half as many with slices; the selection and the polish take four times
        as many.

    Raises
    ------
    ValueError
        If a count is below 1 or the learning rate is not above 0.
    """

    max_rounds: int = 200
    patience: int = 20
    steps: int = 100
    n_elite: int = 32
    n_polished: int = 10
    learning_rate: float = 0.08
    n_per_tissue: int = 32

    def __post_init__(self) -> None:
        counts = (
            self.max_rounds,
            self.patience,
            self.steps,
            self.n_elite,
            self.n_polished,
            self.n_per_tissue,
        )
        if min(counts) < 1 or not 0 < self.learning_rate < math.inf:
            raise ValueError(f"counts must be at least 1 and learning_rate above 0, got {self}")


class RoundSearch:
    """Search of a seed by rounds, then polish of the best: a `Search`, made once for all seeds.

    Parameters
    ----------
    problem : Problem
    engine : str
    rounds : Rounds
    propose : callable
    halvings : tuple of (float, float)
        Parts of the descent, and the share of proposals kept after each.
    by_number : bool
        Whether the elite is of each number of pulses, or of all.
    agreeing : int, optional
        Starts that end at the best of the first round, from which on they agree; if not given they never do.
    """

    def __init__(
        self,
        problem: Problem,
        engine: str,
        rounds: Rounds,
        propose: Propose,
        *,
        halvings: tuple[tuple[float, float], ...] = NO_HALVINGS,
        by_number: bool = True,
        agreeing: int | None = None,
    ) -> None:
        self._rounds, self._propose, self._agreeing = rounds, propose, agreeing
        self._halvings, self._by_number = halvings, by_number
        self._finisher = Finisher(problem, engine)
        self._limited = self._finisher.limited
        self._proposals = self._limited.proposals
        # The places of a slice, each with its flip angle, are a spread as well.
        n_coarse = max(1, rounds.n_per_tissue // (2 if has_slice(problem) else 1))
        coarse, fine = (problem.voxels(n) for n in (n_coarse, POLISH_FACTOR * rounds.n_per_tissue))
        self._simulator = simulator_of(problem, fine, engine)
        self._idle = self._proposals.idle
        # Pulses that are given do something in any case, so that no signal at all may be what is wanted.
        does = bool(self._limited.frame)
        self._nothing = math.inf if does else float(self._simulator.loss(self._finisher.nothing))
        self._descent_loss, self._judging_loss = map(self._limited.descent_loss, (coarse, fine))
        self._fine = self._simulator.loss_and_gradient

    def init(self, seeds: tuple[int, ...]) -> SearchState:
        """Start of one seed."""
        (seed,) = seeds
        return SearchState(seed, dict(np.random.default_rng(seed).bit_generator.state))

    def is_over(self, state: SearchState) -> bool:
        """Whether the search has converged and its best are polished."""
        return state.converged and len(state.polished) == len(self._best(state))

    def step(self, state: SearchState, meter: Meter) -> SearchState:
        """Propose, refine, select; once rounds bring nothing, polish one of the best."""
        if state.converged:
            next_best = self._best(state)[len(state.polished)]
            return replace(state, polished=(*state.polished, self._polish(next_best, meter)))
        rng = np.random.default_rng(0)
        rng.bit_generator.state = state.generator
        parents = self._proposals.free_parts([one.sequence for one in state.elite])
        free = self._propose(parents, self._limited.free_space, rng)
        free = self._proposals.with_repetitions(free, parents, rng)
        proposals = self._proposals.stacked(free, alone=not state.elite)
        loss, refined = descend(
            self._descent_loss(),
            self._limited.space,
            proposals,
            learning_rate=self._rounds.learning_rate,
            parts=[(max(1, round(part * self._rounds.steps)), kept) for part, kept in self._halvings],
            meter=meter,
        )
        refined = as_short_as_played(self._simulator, self._limited.frame.hold(refined))
        # On more voxels than the descent saw: few are fitted one by one where nothing dephases within them.
        loss, _ = self._judging_loss()(refined)
        meter.spend(len(loss))
        candidates = self._candidates(loss, refined)
        elite = self._select([*state.elite, *candidates])
        new = replace(
            state,
            generator=dict(rng.bit_generator.state),
            n_rounds=state.n_rounds + 1,
            n_proposed=state.n_proposed + len(proposals.delay),
            agreed=state.agreed if state.elite else self._agree(candidates),
        )
        return self._judged(new, elite, meter)

    def progress(self, state: SearchState) -> Progress | None:
        """Loss of the best on the voxels of the selection, and what the search does."""
        if not state.elite:
            return None
        best, n_steps = state.elite[0], self._rounds.max_rounds
        shown = played_as(self._simulator, best.sequence).turn_first_to_zero()
        if state.polished:
            n_best = len(self._best(state))
            note = f"{len(state.polished)} of {n_best} structures polished"
            return Progress(state.seed, state.step, state.n_rounds + n_best, best.loss, shown, note)
        note = f"{state.n_proposed:,} candidates, {len(state.elite)} structures kept"
        return Progress(state.seed, state.n_rounds, n_steps, best.loss, shown, note, "round")

    def finish(self, state: SearchState, meter: Meter) -> list[Run]:
        """Run of the best, those not polished as they are."""
        if not state.elite:
            reason = "no proposal of the first round has a finite loss"
            if self._limited.playing is not None:
                reason += (
                    ": pulses and gradients may not fit into the repetition or the echo spacing, or not"
                    " dephase what is excited outside the slice or by a pulse for refocusing; or what is"
                    " read is excited or refocused by a pulse that is not for it"
                )
            return [failed(state.seed, reason, meter.seconds, meter.evaluations, state.history)]
        found = [*state.polished, *self._best(state)[len(state.polished) :]]
        if state.elite[0].loss >= self._nothing:
            found.append(self._idle)
        return [self._finisher.finish(state.seed, found, meter, history=state.history, settle=True)]

    def _judged(self, state: SearchState, elite: list[Candidate], meter: Meter) -> SearchState:
        """State with a new elite; the round was the last where no loss is finite or rounds bring nothing."""
        if not elite:
            return replace(state, converged=True)
        loss, least = elite[0].loss, state.least
        gained = not math.isfinite(least) or loss < least - LEAST_GAIN * abs(least)
        least, without_gain = (loss, 0) if gained else (least, state.without_gain + 1)
        agreed = state.agreed and (not gained or state.n_rounds == 1)
        patience = max(1, self._rounds.patience // (HASTE if agreed else 1))
        return replace(
            state,
            elite=tuple(elite),
            history=(*state.history, Point(state.n_rounds, loss, meter.evaluations, meter.seconds)),
            least=least,
            without_gain=without_gain,
            agreed=agreed,
            converged=without_gain >= patience or state.n_rounds == self._rounds.max_rounds,
        )

    def _agree(self, starts: list[Candidate]) -> bool:
        """Whether enough ended at the best, and not near nothing, where many end if pulses are dear."""
        best, count = at_best(starts)
        gains = math.isinf(self._nothing) or best < self._nothing - IDLE * abs(self._nothing)
        return self._agreeing is not None and count >= self._agreeing and gains

    def _select(self, candidates: list[Candidate]) -> list[Candidate]:
        """The elite of these, distinct sequences, best first."""
        by_number, n_elite = self._by_number, self._rounds.n_elite
        if self._limited.playing is None:
            return select(candidates, n_elite, by_number=by_number)
        return select(candidates, n_elite, by_number=by_number, form=self._without_idle_pulses, niche=NICHE)

    def _without_idle_pulses(self, single: Sequence) -> Sequence:
        """Without small pulses, unless it has no other."""
        if not (single.flip_angle.abs() < SMALL_PULSE).any():
            return single
        fewer = self._proposals.without_small_pulses(single)
        return fewer if len(fewer.delay) else single

    def _candidates(self, loss: Float[Tensor, " batch"], refined: Sequence) -> list[Candidate]:
        """Those of a finite loss that may stand, without what does nothing, unless all do: then the best.

        To do nothing is a valley so wide that it can take a whole search, and no way leads out of it.
        """
        finite = loss.isfinite().nonzero()[:, 0]
        if not len(finite):
            return []
        does = loss[finite] < self._nothing
        if not does.all():
            signal = self._simulator.signal(refined[finite]).abs().mean(-1)
            does |= signal > IDLE * signal.max()
        chosen = finite[does] if does.any() else finite[loss[finite].argmin()][None]
        every = (Candidate(float(loss[i]), refined[i].without_padding()) for i in chosen.tolist())
        return [candidate for candidate in every if self._limited.may_stand(candidate.sequence)]

    def _best(self, state: SearchState) -> list[Sequence]:
        """The best few, and the best of each number of pulses, so that the cost of fewer pulses is known."""
        leaders: dict[int, Candidate] = {}
        for candidate in state.elite:
            leaders.setdefault(len(candidate.sequence.flip_angle), candidate)
        return [
            candidate.sequence
            for rank, candidate in enumerate(state.elite)
            if rank < self._rounds.n_polished or candidate in leaders.values()
        ]

    def _polish(self, sequence: Sequence, meter: Meter) -> Sequence:
        """Converge it, without the pulses that do nothing."""
        loss, best = self._limited.polish(self._fine, sequence, meter)
        needed = self._proposals.without_small_pulses(best)
        if 0 < len(needed.flip_angle) < len(best.flip_angle) and not meter.must_end():
            loss_without, without = self._limited.polish(self._fine, needed, meter)
            # A pulse does nothing whose removal raises the loss by less than it is converged.
            if math.isfinite(loss_without) and loss_without <= loss + self._limited.nothing * abs(loss):
                best = without
        return best if self._limited.may_stand(best) else sequence
