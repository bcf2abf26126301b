import torch

from conftest import scheduler_of
from sequence_search.problem.problem import Problem
from sequence_search.strategies.proxyless.stream import VoxelStream

PROBLEM = Problem.load("gm-wm")


def test_the_stream_passes_over_all_voxels_once_an_epoch_in_random_order():
    stream = VoxelStream(PROBLEM, 300, 90)
    first, second = (
        torch.cat([stream.batch(epoch * 3 + number).b1 for number in range(3)]) for epoch in range(2)
    )
    assert len(first.unique()) == 270
    assert len(torch.cat([first, second]).unique()) > 270
    assert not torch.equal(first, second)
    assert torch.equal(stream.batch(1).b1, first[90:180])
    assert torch.equal(stream.batch(5).b1, second[180:])


def test_spins_are_drawn_for_a_batch_and_again_alike():
    stream, sequence = (
        VoxelStream(PROBLEM, 300, 90),
        scheduler_of(seeds=(0,)).sequence(torch.tensor([[4, 2]])),
    )
    exact = [float(stream.simulator(number, "auto", "exact").loss(sequence)) for number in (0, 1)]
    drawn = [float(stream.simulator(number, "auto", "even").loss(sequence)) for number in (0, 1, 0)]
    assert drawn[2] == drawn[0]
    assert 0 < abs(drawn[0] - exact[0]) < 0.02
    assert drawn[0] - exact[0] != drawn[1] - exact[1]
