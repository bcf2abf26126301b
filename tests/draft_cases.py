"""What tests of drafts share: problems with kinds of pulse, gradients and a repetition time."""

from dataclasses import replace

from sequence_search.acquisition import Acquisition
from sequence_search.problem.problem import Problem
from sequence_search.pulses.shapes import HyperbolicSecant, Sinc

PLAIN = Problem.load("csf-null-w1")
SINC = Sinc(duration=2e-3, time_bandwidth=4.0, slice=True)
HS = HyperbolicSecant(duration=8e-3, peak_b1=1200.0, bandwidth=1000.0)
REAL = replace(
    PLAIN,
    search_space=replace(
        PLAIN.search_space, pulses=("hard", "sinc"), gradients=("none", "crusher", "spoiler"), crusher=1e-3
    ),
    pulses={"sinc": SINC},
    acquisition=Acquisition(tr=3.0),
)
EXCITE, REFOCUS = replace(SINC, use="excitation"), replace(SINC, use="refocusing")
USED = replace(
    REAL,
    search_space=replace(REAL.search_space, pulses=("hs", "refocus", "excite")),
    pulses={"hs": HS, "refocus": REFOCUS, "excite": EXCITE},
    acquisition=Acquisition(tr=6.0),
)
