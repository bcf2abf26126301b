"""Pulses as they are played: kinds with their waveforms, equivalent rotations, tables of them, slices."""
