/** Isochromats of a voxel, for the picture: what the exact engine averages, one by one. */
import { evolve } from "../engine/evolve";
import { type Kinds, lanesOf, type Rotation, rotations } from "../engine/pulses";
import { momentAt, pulseTimes, type Sequence } from "../engine/sequence";
import type { Voxels } from "../engine/voxels";

export interface Spin {
  x: number;
  y: number;
  z: number;
}

/** One number for each isochromat. */
export type Spins = Record<"x" | "y" | "z", Float64Array>;

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
): (time: number) => Spins {
  const lanes = { ...lanesOf(voxel, sequence.layout, kinds, 1), places: [0] };
  const pulses = rotations(sequence, lanes, kinds);
  const starts = pulseTimes(sequence);
  const mz = sequence.layout.steady ? evolve(sequence, voxel, [starts[starts.length - 1]], kinds).mz[0] : 1;
  const wait = (from: Spins, k: number, since: number, spoils: boolean) => {
    const moment = momentAt(sequence, k, since);
    const after = pulses[k].after?.[0] ?? 0;
    const cycles = offset.map((own, at) => {
      const place = ((at + 0.5) * EVEN[1]) % 1;
      return (voxel.b0[0] + own) * since + moment * place + (spoils ? ((at + 1) * 7919 * EVEN[0]) % 1 : 0);
    });
    return waited(from, cycles, after, since, voxel);
  };
  let spins: Spins = { x: offset.map(() => 0), y: offset.map(() => 0), z: offset.map(() => mz) };
  const justAfter = pulses.map((rotation, k) => {
    const spoils = k > 0 && sequence.layout.gradients[k - 1] === "spoiler";
    if (k > 0) spins = wait(spins, k - 1, starts[k] - starts[k - 1], spoils);
    spins = pulsed(spins, rotation, sequence.phase[k]);
    return spins;
  });
  return (time) => {
    const k = starts.findLastIndex((start, at) => at < pulses.length && (at === 0 || start <= time + 1e-12));
    return wait(justAfter[k], k, Math.max(0, time - starts[k]), false);
  };
}

/** Their mean, the vector of the voxel. */
export function meanOf({ x, y, z }: Spins): Spin {
  const mean = (values: Float64Array) => values.reduce((sum, each) => sum + each, 0) / values.length;
  return { x: mean(x), y: mean(y), z: mean(z) };
}

function pulsed(from: Spins, { before, angle, efficiency }: Rotation, phase: number): Spins {
  const [cos, sin] = [Math.cos(angle[0]), Math.sin(angle[0])];
  const left = efficiency?.[0] ?? 1;
  const turned = turnedZ(from, (before?.[0] ?? 0) - phase);
  const y = turned.y.map((each, at) => cos * each - sin * turned.z[at]);
  const z = turned.z.map((each, at) => left * (cos * each + sin * turned.y[at]));
  return turnedZ({ x: turned.x, y, z }, phase);
}

function turnedZ({ x, y, z }: Spins, angle: number): Spins {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return {
    x: x.map((each, at) => cos * each - sin * y[at]),
    y: y.map((each, at) => sin * x[at] + cos * each),
    z,
  };
}

/** Turned by a number of cycles each and an angle, and relaxed. */
function waited({ x, y, z }: Spins, cycles: Float64Array, angle: number, time: number, voxel: Voxels): Spins {
  const [e1, e2] = [Math.exp(-time / voxel.t1[0]), Math.exp(-time / voxel.t2[0])];
  const after = {
    x: new Float64Array(x.length),
    y: new Float64Array(x.length),
    z: z.map((each) => 1 + (each - 1) * e1),
  };
  for (let at = 0; at < x.length; at++) {
    const turn = angle + 2 * Math.PI * cycles[at];
    const [cos, sin] = [e2 * Math.cos(turn), e2 * Math.sin(turn)];
    after.x[at] = cos * x[at] - sin * y[at];
    after.y[at] = sin * x[at] + cos * y[at];
  }
  return after;
}
