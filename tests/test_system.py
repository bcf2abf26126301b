import pytest

from sequence_search.system import System, load_system, system_names

LIMITS = "max_gradient_mt_m = 30\nmax_slew_t_m_s = 100\npeak_b1_ut = 25\n"


def test_every_known_system_has_its_source_and_a_tick_of_all_its_rasters():
    for name in system_names():
        found = load_system(name)
        assert found.name == name
        assert found.source
        for raster in (found.rf_raster_us, found.gradient_raster_us, found.block_raster_us):
            assert 1e6 * found.tick / raster == pytest.approx(round(1e6 * found.tick / raster))


def test_units_are_those_of_pulseq():
    found = System(max_gradient_mt_m=40.0, max_slew_t_m_s=170.0, peak_b1_ut=20.0, gamma_mhz_t=42.576)
    assert (found.max_gradient, found.max_slew) == pytest.approx((1703040, 7237920000))


def test_a_file_has_the_same_keys(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("max_gradient_mt_m = 30\nmax_slew_t_m_s = 100\npeak_b1_ut = 25\nadc_dead_time_us = 20\n")
    found = load_system(file)
    assert (found.name, found.max_gradient_mt_m, found.adc_dead_time_us) == ("mine", 30, 20)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_gradient_mt_m = 30", "max_slew_t_m_s, peak_b1_ut missing"),
        ("max_gradient = 30", "unknown key 'max_gradient'"),
        ("max_gradient_mt_m = 0\nmax_slew_t_m_s = 1\npeak_b1_ut = 1", "max_gradient_mt_m must be above 0"),
        ("max_gradient_mt_m = 'x'\nmax_slew_t_m_s = 1\npeak_b1_ut = 1", "must be a number, got 'x'"),
        ("max_gradient_mt_m", "cannot be read"),
        (
            LIMITS + "rf_raster_us = 1e-6",
            "multiple of 0.001 .in microseconds., got 1e-06",
        ),
        (LIMITS + "adc_raster_us = 0.10005", "adc_raster_us must be a multiple of 0.001"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path, text, told):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=told):
        load_system(file)


def test_an_unknown_name_tells_those_that_there_are():
    with pytest.raises(ValueError, match="known are siemens-prisma"):
        load_system("siemens-lisa")


def test_a_model_of_nerve_stimulation_is_beside_its_file_wherever_that_is_read(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text(LIMITS + 'pns_model = "gpa.asc"')
    monkeypatch.chdir(tmp_path)
    assert load_system("mine.toml").pns_model == str(tmp_path.resolve() / "gpa.asc")
    (tmp_path / "mine.toml").write_text(LIMITS + 'pns_model = "example"')
    assert load_system("mine.toml").pns_model == "example"
