"""Random design tasks, by which strategies are judged beyond the built-in problems.

python benchmarks/tasks.py             # a table of all
python benchmarks/tasks.py --toml 7    # the problem file of task-07

A task is drawn by its number alone: none was chosen, left out or changed for how a search does on it.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from sequence_search import Problem, builtin_problems
from sequence_search.objective import Term
from sequence_search.problem.library import clinic_problems, toml_text

N_TASKS = 60
# A strategy may be developed by the even numbers; the odd ones are for reports, and nothing is tuned by them.
GROUPS = {"development": range(0, N_TASKS, 2), "report": range(1, N_TASKS, 2)}

# m0 relative to water, T2' at 3 T [ms], and (T1, T2) [ms] at each field [T]: typical values, rounded, after
# 0.55 T: Campbell-Washburn 2019 for blood, fat and myocardium; others typical, or by the trend over fields.
# 1.5 and 3 T: Stanisz 2005; fat, muscle, synovial fluid: Gold 2004; spleen: de Bazelaire 2004; GM and WM at
# 3 T between Stanisz 2005 and Wright 2008; lesion: of multiple sclerosis, Stevenson 2000 and its trend.
# 7 T: T1 of GM, WM: Wright 2008; of CSF, blood: Rooney 2007; T2 of GM, WM: Yacoub 2003; knee: Jordan 2013.
# T2' from T2* of Peters 2007, where 1/T2' of GM and WM is nearly proportional to the field.
TISSUES: dict[str, tuple[float, float, dict[float, tuple[float, float]]]] = {
    "GM": (0.8, 170, {0.55: (720, 112), 1.5: (1120, 95), 3.0: (1600, 99), 7.0: (1940, 55)}),
    "WM": (0.7, 161, {0.55: (493, 89), 1.5: (750, 72), 3.0: (950, 69), 7.0: (1130, 46)}),
    "CSF": (1.0, 6000, {0.55: (3700, 1800), 1.5: (4200, 2000), 3.0: (4200, 1800), 7.0: (4400, 1000)}),
    "lesion": (0.85, 220, {0.55: (900, 180), 1.5: (1200, 170), 3.0: (1500, 150), 7.0: (1800, 90)}),
    "blood": (0.9, 150, {0.55: (1120, 263), 1.5: (1440, 290), 3.0: (1930, 200), 7.0: (2500, 70)}),
    "fat": (0.9, 60, {0.55: (187, 93), 1.5: (288, 165), 3.0: (371, 133), 7.0: (580, 46)}),
    "muscle": (0.8, 90, {0.55: (700, 40), 1.5: (1070, 40), 3.0: (1420, 40), 7.0: (1550, 25)}),
    "cartilage": (0.7, 80, {0.55: (750, 45), 1.5: (1040, 40), 3.0: (1200, 35), 7.0: (1570, 33)}),
    "fluid": (1.0, 500, {0.55: (2600, 1300), 1.5: (2850, 1200), 3.0: (3620, 770), 7.0: (4800, 330)}),
    "liver": (0.75, 60, {0.55: (339, 66), 1.5: (576, 46), 3.0: (812, 42)}),
    "kidney": (0.85, 100, {0.55: (650, 100), 1.5: (830, 70), 3.0: (1170, 65)}),
    "spleen": (0.85, 80, {0.55: (750, 90), 1.5: (1057, 79), 3.0: (1328, 61)}),
    "myocardium": (0.8, 60, {0.55: (701, 58), 1.5: (1030, 45), 3.0: (1300, 45)}),
}
REGIONS = {
    "brain": ("GM", "WM", "CSF", "lesion", "blood", "fat"),
    "knee": ("cartilage", "muscle", "fluid", "fat"),
    "abdomen": ("liver", "kidney", "spleen", "muscle", "blood", "fat"),
    "heart": ("myocardium", "blood", "muscle", "fat"),
}
# By the field [T]: half widths of b0 [Hz] and of b1, which grow with it.
HALF_WIDTHS = {
    0.55: ((10, 50), (0.05, 0.15)),
    1.5: ((15, 100), (0.05, 0.2)),
    3.0: ((30, 150), (0.1, 0.3)),
    7.0: ((50, 200), (0.2, 0.4)),
}
FAT_HZ_PER_TESLA = -3.4 * 42.577  # shift from water [ppm], gyromagnetic ratio [MHz/T]
OF_SOURCES = 0.08  # a mean is drawn so close to the value of the table, about as published ones differ
# What a weight of 1 is worth where a reward is obtained, by which the other terms are weighed against it:
# |M0|² of a signal, the difference of two tissues squared.
WORTH = {"signal": 0.5, "null": 0.5, "contrast": 0.02, "signed_contrast": 0.2}
# Prices as a share of what the reward is worth, of a second, rad² and pulse; each over two decades.
PRICES = {"time_to_readout": (0.003, 0.3), "rf_energy": (3e-5, 3e-3), "rf_number": (3e-4, 3e-2)}
PRICED = 0.75  # probability of each price
TITLES = {"signal": "Signal of", "contrast": "Contrast of", "signed_contrast": "Signed contrast of"}


def random_task(number: int) -> Problem:
    """Task of a number, the same always; its text is that of a problem file."""
    if not 0 <= number < N_TASKS:
        raise ValueError(f"number of a task must be 0 to {N_TASKS - 1}, got {number}")
    name = f"task-{number:02d}"
    draw = Draw(Random(name))
    field = draw.random.choice(list(HALF_WIDTHS))
    region = draw.random.choice([each for each, known in REGIONS.items() if field in TISSUES[known[0]][2]])
    tissues = draw.some(REGIONS[region], 2, 5)
    tissues.sort(key="fat".__eq__)  # last: seldom what one wants to see
    terms = objective(draw, tissues)
    of = " and ".join(terms[0]["tissues"])
    tables = {
        "name": name,
        "title": f"{TITLES[terms[0]['term']]} {of}, {region} at {field:g} T",
        "tissues": {each: tissue(draw, each, field) for each in tissues},
        "imaging": imaging(draw, field),
        "objective": terms,
        "search_space": search_space(draw),
    }
    return Problem.from_toml(toml_text(tables), name)


def load(name: str) -> Problem:
    """Task or built-in problem by name."""
    number = re.fullmatch(r"task-(\d\d)", name)
    return random_task(int(number[1])) if number else Problem.load(name)


def groups() -> dict[str, list[str]]:
    """Names of the problems of each group: the paper's, textbook tasks by their world, those of `GROUPS`."""
    tasks = {group: [f"task-{number:02d}" for number in numbers] for group, numbers in GROUPS.items()}
    every = clinic_problems()
    ideal = [name for name in every if is_ideal(Problem.load(name))]
    clinic = {"clinic": every, "clinic-ideal": ideal, "clinic-real": [n for n in every if n not in ideal]}
    return {"paper": builtin_problems(), **clinic, **tasks}


def is_ideal(problem: Problem) -> bool:
    """Whether a problem is without shaped pulses, crushers and a repetition time."""
    real = problem.pulses or problem.acquisition.is_repeated or "crusher" in problem.search_space.gradients
    return not real


@dataclass(frozen=True, slots=True)
class Draw:
    """Random values as a user would state them."""

    random: Random

    def between(self, low: float, high: float, digits: int = 3) -> float:
        """Uniform."""
        return rounded(self.random.uniform(low, high), digits)

    def decades(self, low: float, high: float, digits: int = 2) -> float:
        """Log-uniform."""
        return rounded(low * (high / low) ** self.random.random(), digits)

    def some(self, names: tuple[str, ...], least: int, most: int) -> list[str]:
        """A random number of names, in a random order."""
        return self.random.sample(names, self.random.randint(least, min(most, len(names))))

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.random.random() < probability


def rounded(value: float, digits: int) -> float:
    """To so many significant digits."""
    return float(f"{value:.{digits}g}")


def tissue(draw: Draw, name: str, field: float) -> dict[str, Any]:
    """Table of a tissue, with spreads of a few per cent."""
    m0, t2_prime, times = TISSUES[name]

    def varying(centre: float, least: float, most: float) -> dict[str, float]:
        mean = draw.between(centre * (1 - OF_SOURCES), centre * (1 + OF_SOURCES))
        return {"mean": mean, "sd": rounded(mean * draw.random.uniform(least, most), 2)}

    table: dict[str, Any] = {
        "m0": {"mean": draw.between(m0 - 0.04, min(m0 + 0.04, 1.0), 2), "sd": 0.02},
        "t1_ms": varying(times[field][0], 0.02, 0.06),
        "t2_ms": varying(times[field][1], 0.03, 0.08),
        "t2_prime_ms": varying(t2_prime * 3 / field, 0.05, 0.15),
    }
    return table if name != "fat" else table | {"b0_hz": float(round(FAT_HZ_PER_TESLA * field))}


def imaging(draw: Draw, field: float) -> dict[str, Any]:
    """Table of the imaging properties, with wider ranges at higher fields."""
    b0, b1 = HALF_WIDTHS[field]
    half = round(draw.decades(*b0))
    return {
        "b1": {"low": round(1 - draw.between(*b1), 2), "high": round(1 + draw.between(*b1), 2)},
        "b0_hz": {"low": -half, "high": half},
        "spread_hz": draw.between(10, 40, 2),
    }


def objective(draw: Draw, tissues: list[str]) -> list[dict[str, Any]]:
    """Terms: a reward, what is wished of the other tissues, and prices."""
    kind = draw.random.choice(list(TITLES))
    worth = draw.decades(0.05, 5)  # of the reward; two decades
    wanted = tissues[:2] if kind != "signal" else tissues[: draw.random.randint(1, min(2, len(tissues) - 1))]
    terms = [{"term": kind, "weight": rounded(worth / WORTH[kind], 2), "tissues": wanted}]
    if kind == "contrast" and draw.chance(0.5):
        terms[0]["brighter"] = draw.random.choice(wanted)
    wishes: dict[str, list[str]] = {"null": [], "signal": []}
    for each in tissues[len(wanted) :]:
        wishes["null" if each == "fat" or draw.chance(0.7) else "signal"].append(each)
    if kind != "signal" and draw.chance(0.3):
        wishes["signal"] += wanted  # keeps some signal of what is contrasted
    for term, of in wishes.items():
        if of:
            weight = rounded(worth / WORTH[term] * draw.decades(0.1, 10), 2)
            terms.append({"term": term, "weight": weight, "tissues": of})
    for term, (low, high) in PRICES.items():
        if draw.chance(PRICED):
            terms.append({"term": term, "weight": rounded(worth * draw.decades(low, high), 2)})
    return terms


def search_space(draw: Draw) -> dict[str, Any]:
    """Table of the bounds."""
    bounds: dict[str, Any] = {
        "max_rf": draw.random.randint(2, 5),
        "min_rf_delay_ms": draw.between(2, 8, 2),
        "max_delay_ms": draw.decades(500, 4000),
    }
    return bounds | {"max_flip_deg": 180} if draw.chance(0.5) else bounds


def written(term: Term, tissues: list[str]) -> str:
    """As "30 contrast GM WM (WM brighter)"."""
    words = [f"{term.weight:g}", term.kind.name, *(tissues[index] for index in term.tissues or ())]
    return " ".join(words if term.brighter is None else [*words, f"({tissues[term.brighter]} brighter)"])


def main() -> None:
    """Print all tasks, or the file of one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--toml", type=int, metavar="NUMBER", help="print the problem file of a task")
    number = parser.parse_args().toml
    if number is not None:
        print(random_task(number).to_toml(), end="")
        return
    table = Table("task", "field", "tissues", "terms", "pulses", box=None, header_style="bold")
    for problem in map(random_task, range(N_TASKS)):
        names = [tissue.name for tissue in problem.tissues]
        terms = ", ".join(written(term, names) for term in problem.objective.terms)
        field = problem.title.rpartition(" at ")[2]
        table.add_row(problem.name, field, " ".join(names), terms, str(problem.search_space.max_rf))
    Console().print(table)


if __name__ == "__main__":
    main()
