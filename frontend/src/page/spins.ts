/** Isochromats of a voxel, for the picture: what the exact engine averages, one by one. */
import { evolve } from "../engine/evolve";
import { type Kinds, lanesOf, rotations } from "../engine/pulses";
import { momentAt, pulseTimes, type Sequence } from "../engine/sequence";
import type { Voxels } from "../engine/voxels";

export interface Spin {
  x: number;
  y: number;
  z: number;
}

/** Offsets [Hz] of spins of equal share: a Lorentzian of 1/(2 pi T2'), and an even spread, both from quantiles. */
export function offsets(voxel: Voxels, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, at) => {
    const share = (at + 0.5) / count;
    const lorentzian = Math.tan(Math.PI * (share - 0.5)) / (2 * Math.PI * voxel.t2Prime[0]);
    const even = voxel.spread[0] * (2 * (((at + 0.5) * EVEN[0]) % 1) - 1);
    return lorentzian + even;
  });
}

// Steps of a sequence even in two dimensions, of the plastic number: the spread and the place are not related.
const EVEN = [0.7548776662466927, 0.5698402909980532];

/**
 * Spins of one voxel by the time [s], each with its offset. A pulse that takes time acts as its rotation about the
 * centre, for the voxel's own frequency and the middle of the slice; a spoiler fans the spins out for good.
 */
export function spinsOf(
  sequence: Sequence,
  voxel: Voxels,
  offset: Float64Array,
  kinds: Kinds,
): (time: number) => Spin[] {
  const lanes = { ...lanesOf(voxel, sequence.layout, kinds, 1), places: [0] };
  const pulses = rotations(sequence, lanes, kinds);
  const starts = pulseTimes(sequence);
  const mz = sequence.layout.steady ? evolve(sequence, voxel, [starts[starts.length - 1]], kinds).mz[0] : 1;
  return (time) => {
    const spins = Array.from(offset, () => ({ x: 0, y: 0, z: mz }));
    for (let k = 0; k < pulses.length && starts[k] <= time + 1e-12; k++) {
      const until = k < pulses.length - 1 ? Math.min(time, starts[k + 1]) : time;
      const since = Math.max(0, until - starts[k]);
      const isWhole = k < pulses.length - 1 && until >= starts[k + 1];
      const spoils = isWhole && sequence.layout.gradients[k] === "spoiler";
      const moment = momentAt(sequence, k, since);
      const { before, after, angle, efficiency } = pulses[k];
      for (let at = 0; at < spins.length; at++) {
        const spin = spins[at];
        const place = ((at + 0.5) * EVEN[1]) % 1;
        turnZ(spin, before?.[0] ?? 0);
        pulse(spin, angle[0], sequence.phase[k]);
        spin.z *= efficiency?.[0] ?? 1;
        const cycles = (voxel.b0[0] + offset[at]) * since + moment * place;
        turnZ(
          spin,
          (after?.[0] ?? 0) + 2 * Math.PI * (cycles + (spoils ? ((at + 1) * 7919 * EVEN[0]) % 1 : 0)),
        );
        relax(spin, since, voxel);
      }
    }
    return spins;
  };
}

function pulse(spin: Spin, angle: number, phase: number): void {
  turnZ(spin, -phase);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const { y, z } = spin;
  spin.y = cos * y - sin * z;
  spin.z = cos * z + sin * y;
  turnZ(spin, phase);
}

function turnZ(spin: Spin, angle: number): void {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const { x, y } = spin;
  spin.x = cos * x - sin * y;
  spin.y = sin * x + cos * y;
}

function relax(spin: Spin, time: number, voxel: Voxels): void {
  const e2 = Math.exp(-time / voxel.t2[0]);
  spin.x *= e2;
  spin.y *= e2;
  spin.z = 1 + (spin.z - 1) * Math.exp(-time / voxel.t1[0]);
}
