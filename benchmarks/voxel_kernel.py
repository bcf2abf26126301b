"""Spins of many voxels, turned and relaxed one by one; compiled. See `voxel_spins`."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

NO_SPOILER = -1
UNCHANGED = 1e-12  # Mz that a repetition leaves as it is


@njit(cache=True, error_model="numpy")
def sampled(along: np.ndarray, across: np.ndarray, b1: np.ndarray, half_turn: np.ndarray) -> tuple:
    """Cayley-Klein parameters of a waveform, of half of what its samples turn about x and y, and about z."""
    n_voxels, n_places = b1.shape
    alpha, beta = np.empty(b1.shape, np.complex128), np.empty(b1.shape, np.complex128)
    ar, ai, br, bi = np.empty(n_places), np.empty(n_places), np.empty(n_places), np.empty(n_places)
    for voxel in range(n_voxels):
        ar[:], ai[:], br[:], bi[:] = 1.0, 0.0, 0.0, 0.0
        field, turn = b1[voxel, 0], half_turn[voxel]
        for sample in range(len(along)):
            x, y = field * along[sample], field * across[sample]
            for p in range(n_places):
                z = turn[p]
                u = x * x + y * y + z * z
                # Series of cos(sqrt(u)) and sin(sqrt(u)) / sqrt(u), which are of u.
                c = 1 - u / 2 * (1 - u / 12 * (1 - u / 30 * (1 - u / 56 * (1 - u / 90 * (1 - u / 132)))))
                s = 1 - u / 6 * (1 - u / 20 * (1 - u / 42 * (1 - u / 72 * (1 - u / 110 * (1 - u / 156)))))
                # This sample is (c - i z s, -i (x + i y) s); its product with those before.
                qi, rr, ri = -z * s, y * s, -x * s
                a_r = c * ar[p] - qi * ai[p] - (rr * br[p] + ri * bi[p])
                a_i = c * ai[p] + qi * ar[p] - (rr * bi[p] - ri * br[p])
                b_r = rr * ar[p] - ri * ai[p] + c * br[p] + qi * bi[p]
                b_i = rr * ai[p] + ri * ar[p] + c * bi[p] - qi * br[p]
                ar[p], ai[p], br[p], bi[p] = a_r, a_i, b_r, b_i
        for p in range(n_places):
            alpha[voxel, p], beta[voxel, p] = complex(ar[p], ai[p]), complex(br[p], bi[p])
    return alpha, beta


@njit(cache=True, inline="always", fastmath=True)
def _cos_sin(cycles: float) -> tuple[float, float]:
    """Of an angle in cycles: series of its half, to 1e-15, which loops vectorise, as no call of a library."""
    u = math.pi**2 * (cycles - math.floor(cycles + 0.5)) ** 2
    c = 1 - u / 306 * (1 - u / 380 * (1 - u / 462))
    c = 1 - u / 132 * (1 - u / 182 * (1 - u / 240 * c))
    c = 1 - u / 2 * (1 - u / 12 * (1 - u / 30 * (1 - u / 56 * (1 - u / 90 * c))))
    s = 1 - u / 342 * (1 - u / 420 * (1 - u / 506))
    s = 1 - u / 156 * (1 - u / 210 * (1 - u / 272 * s))
    s = 1 - u / 6 * (1 - u / 20 * (1 - u / 42 * (1 - u / 72 * (1 - u / 110 * s))))
    s *= math.pi * (cycles - math.floor(cycles + 0.5))
    return 1 - 2 * s * s, 2 * s * c


@njit(cache=True, error_model="numpy", fastmath=True)
def play(  # noqa: PLR0913, PLR0917 - plain arrays, as compiled code takes them
    grid: np.ndarray,
    shift: np.ndarray,
    voxels: np.ndarray,
    alpha: np.ndarray,
    beta: np.ndarray,
    left: np.ndarray,
    times: np.ndarray,
    moments: np.ndarray,
    spoilers: np.ndarray,
    of_pulse: np.ndarray,
    read_pulse: np.ndarray,
    of_readout: np.ndarray,
    steady: bool,
    keeps_mz: bool,
) -> tuple:
    """Mxy at each readout [n_voxels, n_readouts, n_places], and the largest change of Mz in the last one."""
    n_voxels, n_rf, n_places = alpha.shape
    n_spins, n_steps, n_repetitions = grid.shape[1], len(times), 3 if steady else 1
    signal, largest = np.zeros((n_voxels, len(read_pulse), n_places), np.complex128), 0.0
    weight, frequency = np.empty(n_spins), np.empty(n_spins)
    cos, sin = np.empty((n_steps, n_spins)), np.empty((n_steps, n_spins))
    mx, my, mz = np.empty(n_spins), np.empty(n_spins), np.empty(n_spins)
    start, first = np.empty(n_spins), np.empty(n_spins)
    for v in range(n_voxels):
        r1, r2 = voxels[v, 0], voxels[v, 1]
        for p in range(n_places):
            _frequencies(grid, shift[v, :, p], voxels[v], weight, frequency)
            for step in range(n_steps):
                axis, moment = (4 + spoilers[step], 1.0) if spoilers[step] >= 0 else (2, moments[step])
                e2, cycles = math.exp(-r2 * times[step]), frequency * times[step]
                _wait(grid[axis], shift[v, axis, p], moment, cycles, e2, cos[step], sin[step])
            start[:] = 1.0
            for repetition in range(n_repetitions):
                mx[:], my[:], mz[:] = 0.0, 0.0, start
                for pulse in range(n_rf):
                    _rotate(mx, my, mz, alpha[v, pulse, p], beta[v, pulse, p], left[v, pulse, p])
                    if repetition == n_repetitions - 1:
                        for r in range(len(read_pulse)):
                            if read_pulse[r] == pulse:
                                step = of_readout[r]
                                signal[v, r, p] = _mean(weight, mx, my, cos[step], sin[step])
                    step = of_pulse[pulse]
                    _relax(mx, my, mz, cos[step], sin[step], math.exp(-r1 * times[step]))
                if not keeps_mz:
                    mz[:] = (weight * mz).sum() / n_spins
                if repetition == 0:
                    first[:], start[:] = mz, mz
                elif repetition == 1:
                    _return(first, mz, start)
                else:
                    largest = max(largest, np.abs(mz - start).max())
    return signal, largest


@njit(cache=True, fastmath=True)
def _frequencies(
    grid: np.ndarray, shift: np.ndarray, voxel: np.ndarray, weight: np.ndarray, frequency: np.ndarray
) -> None:
    """Frequency [Hz] and weight of each spin, as in `engines.ensemble`."""
    width, b0, spread = voxel[2], voxel[3], voxel[4]
    for k in range(len(weight)):
        even = grid[0, k] + shift[0]
        even -= math.floor(even)
        c, s = _cos_sin(even)
        weight[k] = 1 - c
        c, s = _cos_sin((even - s / (2 * math.pi) - 0.5) / 2)
        uniform = grid[1, k] + shift[1]
        uniform -= math.floor(uniform)
        frequency[k] = b0 + width * s / c + spread * (1 - 2 * abs(2 * uniform - 1))


@njit(cache=True, fastmath=True)
def _wait(
    grid: np.ndarray,
    shift: float,
    moment: float,
    cycles: np.ndarray,
    e2: float,
    cos: np.ndarray,
    sin: np.ndarray,
) -> None:
    """By what a wait multiplies the Mxy of each spin: its cycles, and those of a gradient of this moment."""
    for k in range(len(cycles)):
        place = grid[k] + shift
        c, s = _cos_sin(cycles[k] + moment * (place - math.floor(place)))
        cos[k], sin[k] = e2 * c, e2 * s


@njit(cache=True, fastmath=True)
def _rotate(
    mx: np.ndarray, my: np.ndarray, mz: np.ndarray, alpha: complex, beta: complex, left: float
) -> None:
    """Turn all spins, by the equations of Pauly et al. (1991); `left` of Mz is what relaxation leaves."""
    same, turned, stored = alpha.conjugate() ** 2, -(beta**2), 2 * alpha.conjugate() * beta
    xx, xy, xz = same.real + turned.real, turned.imag - same.imag, stored.real
    yx, yy, yz = same.imag + turned.imag, same.real - turned.real, stored.imag
    zx, zy = -2 * left * (alpha * beta).real, -2 * left * (alpha * beta).imag
    zz = left * (abs(alpha) ** 2 - abs(beta) ** 2)
    for k in range(len(mx)):
        x, y, z = mx[k], my[k], mz[k]
        mx[k] = xx * x + xy * y + xz * z
        my[k] = yx * x + yy * y + yz * z
        mz[k] = zx * x + zy * y + zz * z


@njit(cache=True, fastmath=True)
def _relax(
    mx: np.ndarray, my: np.ndarray, mz: np.ndarray, cos: np.ndarray, sin: np.ndarray, e1: float
) -> None:
    """Let all spins precess, dephase and relax."""
    for k in range(len(mx)):
        x, y = mx[k], my[k]
        mx[k], my[k] = cos[k] * x - sin[k] * y, cos[k] * y + sin[k] * x
        mz[k] = 1 + (mz[k] - 1) * e1


@njit(cache=True, fastmath=True)
def _mean(weight: np.ndarray, mx: np.ndarray, my: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> complex:
    """Mean Mxy over the spins after a wait."""
    real, imag = 0.0, 0.0
    for k in range(len(mx)):
        real += weight[k] * (cos[k] * mx[k] - sin[k] * my[k])
        imag += weight[k] * (cos[k] * my[k] + sin[k] * mx[k])
    return complex(real, imag) / len(mx)


@njit(cache=True, fastmath=True)
def _return(first: np.ndarray, second: np.ndarray, start: np.ndarray) -> None:
    """Mz to which a repetition returns, of that after one from equilibrium and that after one more."""
    for k in range(len(start)):
        change = first[k] - 1
        slope = (second[k] - first[k]) / change if abs(change) > UNCHANGED else 0.0
        start[k] = first[k] + (second[k] - first[k]) / (1 - slope)
