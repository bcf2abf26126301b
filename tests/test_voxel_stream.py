import torch

from sequence_search.problem.problem import Problem
from sequence_search.strategies.proxyless.voxel_stream import VoxelStream

PROBLEM = Problem.load("gm-wm")


def test_the_stream_passes_over_all_voxels_once_an_epoch_in_random_order():
    stream = VoxelStream(PROBLEM, 300, 100)
    first, second = (torch.cat([stream.batch().b1 for _ in range(3)]) for _ in range(2))
    assert len(first.unique()) == 300
    assert torch.equal(first.sort().values, second.sort().values)
    assert not torch.equal(first, second)
    assert not torch.equal(first, stream._voxels.b1)
