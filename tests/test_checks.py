import math
import pickle

import pytest

from sequence_search.checks import Fault, number, whole_number

FAULT = Fault("{t2} of {0} must not exceed {1:s}, got {2:s}", "{GM}", 2.0, 2.5)


def test_a_fault_is_told_in_si_units_and_in_those_of_a_file():
    assert str(FAULT) == "t2 of {GM} must not exceed 2 s, got 2.5 s"
    assert FAULT.told({"t2": "t2_ms"}) == "t2_ms of {GM} must not exceed 2000 ms, got 2500 ms"
    assert Fault("{0:rad}, {1:Hz}, {2:}", math.pi, 1, 2).told({}) == "180 deg, 1 Hz, 2"


def test_a_fault_travels_between_processes():
    assert str(pickle.loads(pickle.dumps(FAULT))) == str(FAULT)


def test_numbers():
    assert number("x", 3) == 3.0
    assert whole_number("x", 3, 1, 3) == 3
    for value in (True, "1", math.nan, None, 10**400):
        with pytest.raises(Fault, match="x must be a number"):
            number("x", value)
    for value in (True, 1.0, 0, 4):
        with pytest.raises(Fault, match="x must be a whole number from 1 to 3"):
            whole_number("x", value, 1, 3)
