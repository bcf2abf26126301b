"""Pulseq files to play, written with pypulseq alone."""

import math
import warnings

import numpy as np
import pypulseq

SYSTEM = {
    "max_grad": 40,
    "grad_unit": "mT/m",
    "max_slew": 150,
    "slew_unit": "T/m/s",
    "rf_dead_time": 1e-4,
    "rf_ringdown_time": 2e-5,
    "adc_dead_time": 1e-5,
}
SIZE = (5e-3, 5e-3, 5e-3)  # of a voxel
CYCLES = 1 / 5e-3  # a moment that turns it once [1/m]


class Builder:
    """A sequence to which events are added at their times."""

    def __init__(self) -> None:
        self.system = pypulseq.Opts(**SYSTEM)
        self.sequence = pypulseq.Sequence(self.system)
        self.time = 0.0

    def at(self, time, *events):
        """A block that starts at a time [s], after one that waits till then."""
        wait = round((time - self.time) * 1e5)
        assert wait >= 0, f"{time} is {-wait} rasters too early"
        if wait:
            self.sequence.add_block(pypulseq.make_delay(wait * 1e-5))
        self.sequence.add_block(*events)
        self.time = sum(self.sequence.block_durations.values())

    def wait(self, until):
        """Nothing up to a time [s]."""
        self.sequence.add_block(pypulseq.make_delay(round((until - self.time) * 1e5) * 1e-5))
        self.time = sum(self.sequence.block_durations.values())

    def hard(self, time, flip_deg, phase_deg=0.0, duration=2e-4, use="excitation", **more):
        """A rectangular pulse about a time."""
        rf = pypulseq.make_block_pulse(
            math.radians(flip_deg),
            duration=duration,
            phase_offset=math.radians(phase_deg),
            system=self.system,
            delay=self.system.rf_dead_time,
            use=use,
            **more,
        )
        self.at(time - rf.delay - duration / 2, rf)

    def crush(self, time, cycles, axis="z", duration=2e-3):
        """A gradient from a time on, of so many cycles over a voxel."""
        self.at(time, self.gradient(cycles, axis, duration))

    def gradient(self, cycles, axis="z", duration=2e-3, **more):
        return pypulseq.make_trapezoid(
            axis, area=cycles * CYCLES, duration=duration, system=self.system, **more
        )

    def read(self, time, n_samples=64, duration=6.4e-4, phase_deg=0.0, frequency=0.0, labels=()):
        """A readout about a time."""
        adc = pypulseq.make_adc(
            n_samples,
            duration=duration,
            system=self.system,
            delay=self.system.adc_dead_time,
            phase_offset=math.radians(phase_deg),
            freq_offset=frequency,
        )
        self.at(time - adc.delay - duration / 2, adc, *labels)

    def write(self, path, **more):
        """Write the file and give its path."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.sequence.write(str(path), **more)
        return path


def spin_echo(te=0.02, flips=(90, 180), phases=(0, 90), crusher=4, second=None, readout=None):
    """A crushed spin echo of hard pulses, played once; the second crusher may be another."""
    made = Builder()
    made.hard(1e-3, flips[0], phases[0])
    made.crush(1e-3 + te / 2 - 4e-3, crusher)
    made.hard(1e-3 + te / 2, flips[1], phases[1], use="refocusing")
    made.crush(1e-3 + te / 2 + 2e-3, crusher if second is None else second)
    made.read(1e-3 + te, **(readout or {}))
    return made


def train(n_echoes=4, flip=130.0, spacing=0.01, tr=0.5, n=1, crusher=4):
    """A crushed turbo spin echo of hard pulses."""
    made = Builder()
    for repetition in range(n):
        start = 1e-3 + repetition * tr
        made.hard(start, 90, 90)
        made.crush(start + 5e-4, crusher, duration=1.5e-3)
        for echo in range(n_echoes):
            centre = start + (echo + 0.5) * spacing
            made.hard(centre, flip, 0, use="refocusing")
            made.crush(centre + 1e-3, crusher, duration=1.5e-3)
            made.read(centre + spacing / 2)
            made.crush(centre + spacing / 2 + 1e-3, crusher, duration=1.5e-3)
        made.wait(start + tr - 1e-3)
    return made


def gradient_echo(flip=30.0, tr=0.01, n=100, increment=117.0, cycles=4):
    """A gradient echo that gradients and RF spoil."""
    made = Builder()
    phase = 0.0
    for repetition in range(n):
        start = 1e-3 + repetition * tr
        phase = math.fmod(phase + increment * repetition, 360)
        made.hard(start, flip, phase)
        made.read(start + 3e-3, phase_deg=phase)
        made.crush(start + 4e-3, cycles)
        made.wait(start + tr - 1e-3)
    return made


def hyperbolic_secant(duration=8e-3, peak=800.0, bandwidth=1000.0):
    """Samples of an adiabatic inversion on a raster of 10 us [Hz]."""
    time = (np.arange(round(duration / 1e-5)) + 0.5) * 1e-5 - duration / 2
    beta = 5.3 / (duration / 2)
    mu = math.pi * bandwidth / beta
    return peak * np.cosh(beta * time) ** -(1 + 1j * mu)
