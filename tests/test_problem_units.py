import math

import pytest
from pydantic import TypeAdapter, ValidationError

from sequence_search.problem.units import Axes, Milliseconds, Quantity, Unit
from sequence_search.search_space import Axis
from sequence_search.tissue import Normal, Uniform

DEGREES, SECONDS = Unit("rad"), Unit("s")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (110, Normal(0.11)),
        ({"mean": 1331, "sd": 57}, Normal(1.331, 0.057)),
        ({"low": 6.2, "high": 7.2}, Uniform(0.0062, 0.0072)),
        (math.inf, Normal(math.inf)),
        ("inf", Normal(math.inf)),
    ],
)
def test_a_distribution_is_read_to_si_and_written_back(given, meant):
    read = TypeAdapter(Milliseconds).validate_python(given)
    assert read == meant
    assert SECONDS.write(read) == (math.inf if given == "inf" else given)


def test_angles_are_exact():
    assert DEGREES.read((180.0, 90.0)) == (math.pi, math.pi / 2)
    assert DEGREES.write(math.radians(20)) == 20


@pytest.mark.parametrize("value", ["110", True, None, math.nan, [1], {"mean": 1}, {"low": 2, "high": 1}])
def test_what_is_no_distribution_is_refused(value):
    with pytest.raises(ValidationError):
        TypeAdapter(Quantity).validate_python(value)


GRID = [{"start": 6.2, "stop": 7.2, "step": 0.1}, 6.2]


def test_ranges_include_their_stop_and_are_written_as_they_are_read():
    axes = SECONDS.read(TypeAdapter(Axes).validate_python(GRID))
    assert axes == (Axis(0.0062, 0.0001, 11), Axis(0.0062))
    assert axes[0].values[-1] == pytest.approx(7.2e-3)
    assert SECONDS.write(axes) == GRID


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ({"start": 0, "stop": 181, "step": 5}, "for example 180, got 181"),
        ({"start": 0, "stop": 180, "step": 0}, "step must be above 0"),
        ({"start": 10, "stop": 0, "step": 1}, "stop not below start"),
        ("180", "must be a number, got '180'"),
        (math.inf, "finite start"),
        ({"start": 0, "stop": math.inf, "step": 1}, "all finite"),
        ({"start": 0, "stop": 180}, "got the keys"),
    ],
)
def test_axes_that_are_none_are_refused(axis, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(Axes).validate_python([axis])
