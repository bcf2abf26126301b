"""Figure of docs/strategies.md: why a descent must keep to its echoes.

python benchmarks/echo.py docs/images/echo.png
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from sequence_search import Imaging, Problem, Sequence, Uniform
from sequence_search.engines.simulator import LossFunction
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.descent import descend

# Over a wider range of frequencies than the paper's.
IMAGING = Imaging(b1=Uniform(0.8, 1.2), b0=Uniform(-150, 150), spread=30)
PROBLEM, N_PER_TISSUE, RATE, STEPS = "csf-null-w1", 32, 0.08, 100
# Near the best known, its T2 preparation as it is found on the way: of 2 x 90 ms, not yet 2 x 131 ms.
DESIGN = Sequence.from_degrees_ms([87, 177, 87, 88, 176], [0, 216, 252, 180, 0], [90, 90, 2600, 6.2, 6.2])


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    problem = replace(Problem.load(PROBLEM), imaging=IMAGING)
    loss_and_gradient = problem.loss_and_gradient(problem.voxels(N_PER_TISSUE))
    figure, (valley, path) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    percent = np.linspace(-20, 20, 401)
    for label, moved in {"first delay alone": [1, 0, 0, 0, 0], "both delays": [1, 1, 0, 0, 0]}.items():
        factor = torch.from_numpy(1 + np.outer(percent / 100, moved))
        batch = DESIGN.map(lambda part: part.expand(len(percent), -1))
        valley.plot(percent, loss_and_gradient(replace(batch, delay=batch.delay * factor))[0], label=label)
    valley.set(xlabel="change of the preparation's delays of 90 ms [%]", ylabel="loss", ylim=(0, 0.55))
    valley.axvspan(-100 * RATE, 100 * RATE, color="0.9", zorder=0, label="one step of the descent")
    valley.legend(fontsize="small")
    path.plot(plain_losses(loss_and_gradient), label="each delay by itself")
    path.plot(
        [bound_loss(problem, loss_and_gradient, steps) for steps in range(STEPS + 1)],
        label="echoes kept, falling rate",
    )
    path.set(xlabel="steps of the descent", ylabel="loss", ylim=(0, None))
    path.legend(fontsize="small")
    figure.savefig(arguments.file, dpi=150, metadata={"Software": None})


def plain_losses(loss_and_gradient: LossFunction) -> list[float]:
    """Loss after each step of Adam on flip angles, phases and log delays, of a constant rate."""
    flip, phase, log_delay = (x.clone() for x in (DESIGN.flip_angle, DESIGN.phase, DESIGN.delay.log()))
    optimizer, losses = torch.optim.Adam([flip, phase, log_delay], lr=RATE), []
    for _ in range(STEPS + 1):
        point = Sequence(flip.clone(), phase.clone(), log_delay.exp())
        loss, slopes = loss_and_gradient(point)
        losses.append(float(loss))
        flip.grad, phase.grad, log_delay.grad = slopes.flip_angle, slopes.phase, slopes.delay * point.delay
        optimizer.step()
        log_delay.clamp_(min=np.log(6.2e-3))
    return losses


def bound_loss(problem: Problem, loss_and_gradient: LossFunction, steps: int) -> float:
    """Least loss of a descent of so many steps."""
    start = Sequence.stack([DESIGN])
    how = {"learning_rate": RATE, "parts": [(steps, 1.0)], "meter": Meter(Settings())}
    return float(descend(loss_and_gradient, problem.search_space, start, **how)[0])


if __name__ == "__main__":
    main()
