from sequence_search.strategies.base import Meter, Settings


def test_a_meter_ends_at_the_first_limit_and_says_which():
    meter = Meter(Settings(max_evaluations=5.0))
    meter.spend(4)
    assert not meter.must_end()
    meter.spend(1)
    assert meter.must_end()
    assert (meter.status, meter.reason) == ("cut", "cut at max_evaluations = 5; the best so far")
    assert Meter(Settings(max_seconds=1e-9)).must_end()
