"""What tests of the end of a search share: two designs, good and rough, and the run that is made of some."""

from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.finish import Finisher

PROBLEM = Problem.load("max-signal")
FINISHER = Finisher(PROBLEM, "auto")
GOOD = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
ROUGH = Sequence.from_degrees_ms([70, 150], [0, 160], [8, 9])


def run_of(*found, **settings):
    return FINISHER.finish(3, list(found), Meter(Settings(**settings)), history=())
