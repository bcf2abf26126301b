from dataclasses import replace

import numpy as np
import pytest

from limit_cases import TEXT, limited
from pulse_cases import KINDS
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.problem import Problem
from sequence_search.problem.template import template
from sequence_search.problem.writing import write_pulse
from sequence_search.pulses.shapes import HyperbolicSecant, Samples, Sinc

ALL = """
pulses = ["hard", "excite", "invert"]
gradients = ["none", "crusher", "spoiler"]
crusher_ms = 2
[pulses.excite]
shape = "sinc"
duration_ms = 2.56
time_bandwidth = 4
slice = true
[pulses.invert]
shape = "hs"
duration_ms = 8
peak_b1_hz = 1200
bandwidth_hz = 2000
"""


def test_a_file_is_read_in_si_units_and_written_back():
    problem = limited(ALL)
    assert problem.pulses == {
        "excite": Sinc(duration=2.56e-3, time_bandwidth=4, slice=True),
        "invert": HyperbolicSecant(duration=8e-3, peak_b1=1200, bandwidth=2000),
    }
    space = problem.search_space
    assert (space.pulses, space.gradients) == (("hard", "excite", "invert"), ("none", "crusher", "spoiler"))
    assert space.crusher == pytest.approx(2e-3)
    again = Problem.from_toml(problem.to_toml())
    assert (again, again.digest) == (problem, problem.digest)
    assert hash(again) == hash(problem)
    assert problem.simulator(problem.voxels(1)).kinds == problem.pulses
    assert "slice = true # whether it is" in template(problem)
    assert Problem.from_toml(template(problem)).digest == problem.digest


def test_without_them_nothing_changes():
    stated = limited('pulses = ["hard"]\ngradients = ["none"]\ncrusher_ms = 0')
    assert stated.digest == limited().digest
    assert "pulses" not in limited().to_dict()


@pytest.mark.parametrize("name", KINDS)
def test_every_shape_is_written_as_it_is_read(name):
    plain = limited()
    fields = [getattr(plain, each) for each in ("name", "tissues", "imaging", "objective")]
    problem = Problem(*fields, pulses={"mine": KINDS[name]})
    again = Problem.from_toml(problem.to_toml())
    assert again.pulses == problem.pulses
    assert again.digest == problem.digest != Problem(*fields).digest
    assert write_pulse(KINDS[name], defaults=False).items() <= problem.to_dict()["pulses"]["mine"].items()


@pytest.mark.parametrize(
    ("name", "content"),
    [("one.csv", "1\n2\n1\n"), ("two.csv", "1, 0.5\n2, 0\n1, -0.5\n"), ("one.npy", None)],
)
def test_samples_of_a_file_become_part_of_the_problem(tmp_path, name, content):
    samples = (1 + 0.5j, 2, 1 - 0.5j) if name == "two.csv" else (1.0, 2.0, 1.0)
    if content is None:
        np.save(tmp_path / name, np.array(samples))
    else:
        (tmp_path / name).write_text(content)
    path = tmp_path / "mine.toml"
    path.write_text(TEXT + f'[pulses.mine]\nshape = "samples"\nduration_ms = 3\nfile = "{name}"\n')
    problem = Problem.load(path)
    assert problem.pulses["mine"] == Samples(duration=3e-3, samples=samples)
    assert Problem.from_toml(problem.to_toml()).digest == problem.digest


SAMPLES = ALL.replace('"sinc"', '"samples"').replace(
    "time_bandwidth = 4\nslice = true", "samples = [1, 2, 1, 1]"
)


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (ALL, '"sinc"', '"sync"', "pulses.excite: shape must be one of hard, sinc, "),
        (ALL, "time_bandwidth", "time_bandwith", "time_bandwith: unknown key, did you mean 'time_bandwidth'"),
        (ALL, "time_bandwidth = 4", "", "pulses.excite: shape 'sinc' needs time_bandwidth"),
        (ALL, "peak_b1_hz = 1200\nbandwidth_hz = 2000", "", "shape 'hs' needs peak_b1_hz, bandwidth_hz"),
        (
            ALL,
            "slice =",
            "bandwidth_hz = 3\nslice =",
            "bandwidth_hz is not of shape 'sinc'; its keys are dur",
        ),
        (ALL, 'shape = "sinc"', "", "pulses.excite.shape: is missing"),
        (ALL, "true", "1", "pulses.excite.slice: input should be a valid boolean, got 1"),
        (
            ALL,
            "2.56",
            "2.565",
            "pulses.excite: duration_ms must be a whole number of raster_ms, 0.01 ms, got 2",
        ),
        (ALL, "2.56", "-2", "pulses.excite: duration_ms must be above 0 and at most 1000 ms, got -2 ms"),
        (
            ALL,
            '"excite", ',
            '"excit", ',
            "search_space.pulses: pulse 'excit' is not defined, did you mean 'exc",
        ),
        (ALL, '"excite", ', '"hard", ', "search_space: pulses must be one or more different names"),
        (ALL, "pulses.excite]", "pulses.hard]", "a kind of pulse needs a name, and 'hard' is the instant"),
        (
            ALL,
            '"spoiler"]',
            '"spoil"]',
            "search_space: gradients must be of none, crusher, spoiler, got spoil",
        ),
        (
            ALL,
            "crusher_ms = 2",
            "crusher_ms = -2",
            "search_space: crusher_ms must be at least 0 and below",
        ),
        (SAMPLES, "[1, 2, 1, 1]", "[1, -1]", "pulses.excite: the samples of a pulse must not cancel"),
        (SAMPLES, "[1, 2, 1, 1]", "[[1, 2, 3]]", "pulses.excite.samples: must be a list of numbers or of"),
        (SAMPLES, "[1, 2, 1, 1]", "['a']", "pulses.excite.samples: must be a number, got 'a'"),
        (SAMPLES, "samples = [1, 2, 1, 1]", "", "pulses.excite: shape 'samples' needs file"),
        (SAMPLES, "samples = [1, 2, 1, 1]", "file = 'no.csv'", "pulses.excite: file 'no.csv' cannot be read"),
        (SAMPLES, "samples =", "file = 'no.csv'\nsamples =", "samples takes the place of file: state one"),
        (SAMPLES, "[1, 2, 1, 1]", "[1, 2, 1]", "whole number of 0.001 ms for each of the 3 samples"),
    ],
)
def test_what_is_refused(text, old, new, message):
    assert old in text
    with pytest.raises(ProblemError, match=message):
        limited(text.replace(old, new, 1))


@pytest.mark.parametrize("content", ["a,b\n", "1,2,3\n", "1,2\n3\n"])
def test_a_file_of_no_samples_is_refused(tmp_path, content):
    (tmp_path / "mine.csv").write_text(content)
    path = tmp_path / "mine.toml"
    path.write_text(TEXT + '[pulses.mine]\nshape = "samples"\nduration_ms = 3\nfile = "mine.csv"\n')
    with pytest.raises(
        ProblemError, match=r"pulses.mine: file 'mine.csv' must be a number a line, or real and"
    ):
        Problem.load(path)


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ('"excite", ', "", "pulse excite is not among the pulses of the search space"),
        ("duration_ms = 2.56", "duration_ms = 0.4", "pulse excite takes 5"),
        (
            '"sinc"',
            '"slr"\npurpose = "inversion"',
            "pulse excite is designed for inversion, and a search may excite",
        ),
        ("duration_ms = 8", "duration_ms = 80", "duration_ms of pulse invert is 80 ms: is it meant so large"),
        ("peak_b1_hz = 1200", "peak_b1_hz = 12", "peak_b1_hz of pulse invert is 12 Hz: is it meant so small"),
        (
            "slice = true",
            "offset_hz = 4400",
            "pulse excite is at 4400 Hz, where it turns no tissue by half of 90°: ",
        ),
        (
            "[pulses.excite]",
            "[sequence]\ntr_ms = 90_000\n[pulses.excite]",
            "tr_ms is 9e+04 ms: is it meant so",
        ),
    ],
)
def test_what_looks_like_a_mistake_is_noted(old, new, note):
    assert limited(ALL).notes() == []
    assert any(line.startswith(note) for line in limited(ALL.replace(old, new, 1)).notes())


def test_a_pulse_at_the_frequency_of_a_tissue_is_no_mistake():
    at_fat = ALL.replace("slice = true", "offset_hz = -2500", 1)
    water_alone = limited(at_fat)
    assert any("where it turns no tissue" in line for line in water_alone.notes())
    first, *others = water_alone.tissues
    assert replace(water_alone, tissues=(replace(first, b0=-2500.0), *others)).notes() == []


EXCITES = '[limits.tail]\nflip_deg = [90]\nphase_deg = [0]\ndelay_ms = [10]\npulses = ["excite"]\n'


def of_uses(excite, invert='"inversion"', chosen='["excite", "invert"]', more=""):
    """The problem with what its kinds are for."""
    text = ALL.replace('["hard", "excite", "invert"]', chosen).replace(
        "slice = true", f"slice = true\nuse = {excite}"
    )
    return limited(text + f"use = {invert}\n" + more)


def test_what_a_kind_is_for_is_read_and_written():
    problem = of_uses('["preparation", "excitation"]')
    assert problem.pulses["excite"].uses == {"excitation", "preparation"}
    again = Problem.from_toml(problem.to_toml())
    assert again == problem
    assert again.digest == problem.digest != of_uses('"excitation"').digest
    assert "use" not in limited(ALL).to_dict()["pulses"]["excite"]


@pytest.mark.parametrize(
    ("excite", "more", "message"),
    [
        (
            '"refocusing"',
            "",
            r"search_space\.pulses must have a kind for excitation: none of \[excite, invert\] is",
        ),
        ('"excitation"', "[sequence]\nechoes = 4\n", r"pulses must have a kind for refocusing"),
        ('"excite"', "", r"pulses\.excite: use must be one of .*, got 'excite'"),
        ("4", "", r"pulses\.excite: use must be one of .*, got 4"),
    ],
)
def test_kinds_of_which_no_sequence_can_be_are_refused(excite, more, message):
    with pytest.raises(ProblemError, match=message):
        of_uses(excite, more=more)


def test_a_given_excitation_is_one():
    assert of_uses('"refocusing"', more=EXCITES).limits.tail is not None


def test_places_too_few_for_the_accuracy_stated_are_refused():
    def of_accuracy(accuracy):
        return limited(
            ALL.replace("slice = true", f'slice = true\nuse = "excitation"\naccuracy = {accuracy}')
        )

    problem = of_accuracy(0.001)
    assert problem.pulses["excite"].accuracy == 0.001
    assert Problem.from_toml(problem.to_toml()) == problem
    message = (
        r"mine\.toml: pulses\.excite: accuracy 0\.0005 needs 9 places across the slice, and a search has 8,"
        r" right to 6\.5e-04 of M0"
    )
    with pytest.raises(ProblemError, match=message):
        of_accuracy(0.0005)
    with pytest.raises(
        ProblemError, match=r"pulses\.excite: accuracy must lie within 1e-05 and 1, got 1e-06"
    ):
        of_accuracy(1e-6)
    with pytest.raises(ProblemError, match=r"accuracy is of a slice: state slice = true"):
        limited(ALL.replace("slice = true", "accuracy = 0.01"))
