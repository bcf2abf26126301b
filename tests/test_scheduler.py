import math
from dataclasses import replace

import pytest
import torch

from conftest import scheduler_of
from sequence_search.acquisition import Acquisition
from sequence_search.problem.problem import Problem
from sequence_search.strategies.playing import Playing
from sequence_search.strategies.proxyless.scheduler import Draws, idle_time, initial_scheduler

PROBLEM = Problem.load("gm-wm")


def test_initial_parameters_are_those_of_the_paper():
    scheduler = scheduler_of(seeds=range(200))
    assert scheduler.flip_angle.shape == (200, 5, 8)
    flips = torch.rad2deg(scheduler.flip_angle.detach())
    for candidate in range(5):
        drawn = flips[..., candidate]
        assert 36 * candidate <= drawn.min() < 36 * candidate + 1
        assert 36 * candidate + 35 < drawn.max() <= 36 * (candidate + 1)
    idle_ms = 1e3 * idle_time(scheduler.log_idle.detach())
    expected = torch.full((200, 5, 5), 6.2, dtype=torch.float64)
    torch.testing.assert_close(idle_ms[..., :5], expected, rtol=1e-12, atol=0)
    # The paper adds 0.001 ms before the logarithm.
    assert float((scheduler.log_idle.detach().exp() - idle_ms).mean()) == pytest.approx(0.001, rel=1e-6)
    for i, (low, high) in enumerate([(1, 10), (10, 100), (100, 1000)]):
        waits = idle_ms[..., 5 + i]
        assert low <= waits.min() < 1.05 * low
        assert 0.95 * high < waits.max() <= high
        assert float(waits.log().mean()) == pytest.approx(math.log(low * 10**0.5), abs=0.1)
    architecture = scheduler.architecture.detach()
    assert float(architecture[:, 1:].std()) == pytest.approx(0.001, rel=0.05)
    assert architecture[:, 0, 5:].isinf().all()
    assert -math.pi <= scheduler.phase.min() < -3
    assert 3 < scheduler.phase.max() <= math.pi


@pytest.mark.parametrize(("waits", "mean"), [("linear", (0.001 + 0.01) / 2), ("middle", 0.01 / 10**0.5)])
def test_initial_waits_may_be_even_in_time_or_fixed(waits, mean):
    generators = [torch.Generator().manual_seed(seed) for seed in range(200)]
    scheduler = initial_scheduler(PROBLEM.search_space, generators, 0.001, waits=waits)
    idle = idle_time(scheduler.log_idle)
    for number in range(3):
        drawn = idle[..., 5 + number] / 10**number
        assert float(drawn.mean()) == pytest.approx(mean, rel=0.03)
        assert 0.001 <= drawn.min() <= drawn.max() <= 0.01
        assert (float(drawn.std()) < 1e-12) == (waits == "middle")
    # All else is as it was.
    same = scheduler_of(PROBLEM.search_space, range(200))
    assert torch.equal(scheduler.phase, same.phase)
    torch.testing.assert_close(idle[..., :5], idle_time(same.log_idle)[..., :5])


def test_waits_lengthen_the_delay_of_the_pulse_before():
    scheduler = scheduler_of(seeds=(0,))
    sequence = scheduler.sequence(torch.tensor([[4, 6, 2, 5, 7]]))
    idle = idle_time(scheduler.log_idle[0].detach())
    torch.testing.assert_close(
        sequence.delay[0].detach(),
        torch.stack([idle[0, 4] + idle[1, 6], idle[2, 2] + idle[3, 5] + idle[4, 7]]),
    )
    torch.testing.assert_close(
        sequence.flip_angle[0].detach(), scheduler.flip_angle[0].detach()[[0, 2], [4, 2]]
    )


def test_waits_add_up_to_no_more_than_the_longest_delay():
    scheduler = scheduler_of(replace(PROBLEM.search_space, max_delay=1.0), seeds=(0,))
    sequence = scheduler.sequence(torch.tensor([[2, 7, 7, 7, 7]])).detach()
    assert sequence.delay.max() <= 1.0


def test_paths_are_drawn_by_their_probability():
    scheduler = scheduler_of(seeds=(0,))
    with torch.no_grad():
        scheduler.architecture[0, 1] = torch.linspace(-1, 1, 8)
    alpha = scheduler.architecture
    draws = Draws([torch.Generator().manual_seed(0)], alpha.shape[1:])
    drawn = torch.stack([draws.path(number, alpha)[0] for number in range(4000)])
    probability = scheduler.architecture.detach().softmax(-1)[0]
    for layer in range(5):
        frequency = drawn[:, layer].bincount(minlength=8) / 4000
        assert (frequency - probability[layer]).abs().max() < 4 * 0.5 / 4000**0.5
    pairs = torch.stack([draws.two(number, alpha)[0] for number in range(100)])
    assert (pairs[..., 0] != pairs[..., 1]).all()
    among = draws.two(0, alpha)
    picks = torch.stack([draws.path(number, alpha, among)[0] for number in range(4000)])
    assert ((picks[:, :, None] == among).any(-1)).all()
    inside = probability.gather(-1, among[0])
    share = (picks == among[0, :, 0]).double().mean(0)
    torch.testing.assert_close(share, inside[:, 0] / inside.sum(-1), atol=4 * 0.5 / 4000**0.5, rtol=0)


def test_delays_after_pulses_are_kept_at_the_minimum_and_waits_are_not():
    scheduler = scheduler_of()
    with torch.no_grad():
        scheduler.log_idle.fill_(-20.0)
    scheduler.constrain()
    idle = idle_time(scheduler.log_idle.detach())
    torch.testing.assert_close(idle[..., :5], torch.full((2, 5, 5), 6.2e-3, dtype=torch.float64))
    assert (idle[..., 5:] == 0).all()


def test_a_draw_goes_by_its_number():
    alpha = scheduler_of().architecture
    first, second = (
        Draws([torch.Generator().manual_seed(seed) for seed in (0, 1)], alpha.shape[1:]) for _ in range(2)
    )
    numbers = [0, 700, 255, 256, 3]
    paths = [first.path(number, alpha) for number in numbers]
    for number, path in sorted(zip(numbers, paths, strict=True), key=lambda pair: pair[0]):
        assert torch.equal(second.path(number, alpha), path)
    assert len({tuple(path.flatten().tolist()) for path in paths}) == len(paths)


def test_flip_angles_are_kept_within_their_bound():
    scheduler = replace(scheduler_of(), max_flip=torch.full((8,), 0.5))
    scheduler.flip_angle[0, 0] -= 2
    scheduler.constrain()
    assert scheduler.flip_angle.abs().max() == 0.5
    assert scheduler.flip_angle.min() == -0.5


def test_each_kind_has_its_operations_and_one_of_fixed_amplitude_one():
    space = replace(PROBLEM.search_space, max_rf=3, pulses=("hard", "hs"), gradients=("none", "spoiler"))
    playing = Playing(
        ("hard", "hs"),
        (None, 4e-3),
        (None, math.pi),
        shortest_delay=6.2e-3,
        acquisition=Acquisition(echoes=2),
    )
    scheduler = initial_scheduler(space, [torch.Generator().manual_seed(0)], 0.001, playing)
    # Five compartments of hard pulses, the adiabatic one and three waits; then the gradients.
    assert scheduler.kind.tolist() == [0] * 5 + [1] + [0] * 3
    assert scheduler.is_rf.tolist() == [True] * 6 + [False] * 3
    assert scheduler.gradients.tolist() == [0, 2]
    assert scheduler.exists.sum(-1).tolist() == [9, 9, 9, 2, 2, 2]
    # No waits in the first layer, nor in that of the train.
    assert scheduler.architecture.isfinite().sum(-1).tolist() == [[6, 9, 6, 2, 2, 2]]


def test_a_path_of_kinds_and_gradients_is_a_draft_with_room_for_what_it_plays():
    space = replace(PROBLEM.search_space, max_rf=4, pulses=("hard", "hs"), gradients=("none", "spoiler"))
    playing = Playing(("hard", "hs"), (None, 9e-3), (None, 3.0), crusher=2e-3, shortest_delay=6.2e-3)
    scheduler = initial_scheduler(space, [torch.Generator().manual_seed(0)], 0.001, playing)
    draft = scheduler.sequence(torch.tensor([[5, 7, 2, 0, 1, 1, 0, 1]]), playing)[0].without_padding()
    idle = idle_time(scheduler.log_idle[0])
    assert draft.kind.tolist() == [1, 0, 0]
    # That of the wait counts for nothing, and a spoiler right before the readout would leave no signal.
    assert draft.gradient.tolist() == [2, 0, 0]
    assert float(draft.flip_angle[0]) == 3.0
    beyond = float(idle[1, 7])
    assert draft.delay.tolist() == pytest.approx([9e-3 + 3.1e-3 + 2e-3 + beyond, 6.2e-3, 6.2e-3])
