/** Pulses as rotations Rz(after) Rx(angle) Rz(before) about their centre, in each lane. */
import type { Layout, Sequence } from "./sequence";
import { repeated, type Voxels } from "./voxels";

/** A waveform: its share of the flip angle in each of equal steps of `dwell` [s]. */
export interface Kind {
  real: number[];
  imaginary: number[];
  dwell: number;
  duration: number;
  /** Flip angle that is played whichever is asked for [rad], of a fixed amplitude. */
  fixedFlip: number | null;
  /** Frequency of the RF relative to b0 = 0 [Hz]. */
  offset: number;
  /** Frequency across one slice thickness [Hz]; 0 without a slice gradient. */
  sliceBandwidth: number;
  /** Largest and root mean square B1 at a flip angle of 1 rad, or at that of a fixed amplitude [uT]. */
  peakB1: number;
  rmsB1: number;
}

export type Kinds = Record<string, Kind>;

/** Voxels, or places across the slice of each, that are simulated alike. */
export interface Lanes {
  voxels: Voxels;
  places: number[];
}

export interface Rotation {
  angle: Float64Array;
  before: Float64Array | null;
  after: Float64Array | null;
  /** Factor of Mz for the T1 and T2 during a pulse of fixed amplitude. */
  efficiency: Float64Array | null;
}

const EXTENT = 1; // slice thicknesses to each side that places cover
const LEAST_INVERSION = -0.5; // Mz, from which on a pulse inverts
const MOST_KEPT = 32; // rotations of the same lanes, by kind and flip angle

const lanesKept = new WeakMap<Voxels, Map<number, Lanes>>();
const rotationsKept = new WeakMap<Lanes, Map<string, Rotation>>();

/** One lane a voxel, or one for each place across the slice if a pulse selects it. */
export function lanesOf(voxels: Voxels, layout: Layout, kinds: Kinds, nPlaces: number): Lanes {
  const selects = layout.kinds.some((name) => name !== "hard" && kinds[name].sliceBandwidth > 0);
  if (!selects) return { voxels, places: [0] };
  const kept = lanesKept.get(voxels) ?? new Map<number, Lanes>();
  lanesKept.set(voxels, kept);
  let lanes = kept.get(nPlaces);
  if (!lanes) {
    const width = (2 * EXTENT) / nPlaces;
    const places = Array.from({ length: nPlaces }, (_, at) => (at + 0.5) * width - EXTENT);
    lanes = { voxels: repeated(voxels, nPlaces), places };
    kept.set(nPlaces, lanes);
  }
  return lanes;
}

/** Weight of each place in the signal of a slice of one thickness. */
export function placeWeight({ places }: Lanes): number {
  return places.length > 1 ? (2 * EXTENT) / places.length : 1;
}

/** Rotation by each pulse in each lane. */
export function rotations({ flip, layout }: Sequence, lanes: Lanes, kinds: Kinds): Rotation[] {
  return flip.map((angle, pulse) => {
    const name = layout.kinds[pulse];
    if (name === "hard") {
      const own = lanes.voxels.b1.map((b1) => angle * b1);
      return { angle: own, before: null, after: null, efficiency: null };
    }
    return keptRotation(name, kinds[name], angle, lanes);
  });
}

/** Rotation by a waveform, found once while its flip angle stays. */
function keptRotation(name: string, kind: Kind, flip: number, lanes: Lanes): Rotation {
  const kept = rotationsKept.get(lanes) ?? new Map<string, Rotation>();
  rotationsKept.set(lanes, kept);
  const key = `${name} ${kind.fixedFlip ?? flip}`;
  let rotation = kept.get(key);
  if (!rotation) {
    if (kept.size >= MOST_KEPT) kept.clear();
    rotation = shapedRotation(kind, flip, lanes);
    kept.set(key, rotation);
  }
  return rotation;
}

function shapedRotation(kind: Kind, flip: number, { voxels, places }: Lanes): Rotation {
  const n = voxels.b1.length;
  const nominal = kind.fixedFlip ?? flip;
  const rotation = {
    angle: new Float64Array(n),
    before: new Float64Array(n),
    after: new Float64Array(n),
    efficiency: kind.fixedFlip === null ? null : new Float64Array(n),
  };
  for (let lane = 0; lane < n; lane++) {
    const frequency = voxels.b0[lane] - kind.offset + kind.sliceBandwidth * places[lane % places.length];
    const [angle, before, after] = turnsOf(kind, nominal * voxels.b1[lane], frequency);
    rotation.angle[lane] = angle;
    rotation.before[lane] = before;
    rotation.after[lane] = after;
    if (rotation.efficiency) {
      const [t1, t2] = [voxels.t1[lane], voxels.t2[lane]];
      const inverts = Math.cos(angle) <= LEAST_INVERSION;
      const mz = inverts ? playedMz(kind, nominal * voxels.b1[lane], frequency, t1, t2) : 0;
      const left = (1 + (mz - 1) * Math.exp(kind.duration / 2 / t1)) / Math.cos(angle);
      rotation.efficiency[lane] = inverts ? left : 1;
    }
  }
  return rotation;
}

/**
 * Angle, turn before and turn after of a waveform at an offset [Hz], from its Cayley-Klein parameters a, b,
 * U = [[a, -b*], [b, a*]]: Pauly et al. 1991, doi:10.1109/42.75611. Half the free turn is taken off each side.
 */
function turnsOf(kind: Kind, flip: number, frequency: number): [number, number, number] {
  const turn = 2 * Math.PI * kind.dwell * frequency;
  let aRe = 1;
  let aIm = 0;
  let bRe = 0;
  let bIm = 0;
  for (let step = 0; step < kind.real.length; step++) {
    const x = flip * kind.real[step];
    const y = flip * kind.imaginary[step];
    const angle = Math.sqrt(x * x + y * y + turn * turn);
    const cos = Math.cos(angle / 2);
    const sinc = angle > 0 ? Math.sin(angle / 2) / angle : 0.5;
    const cIm = -turn * sinc; // a = cos + i cIm, b = dRe + i dIm of the step
    const dRe = y * sinc;
    const dIm = -x * sinc;
    const nextRe = cos * aRe - cIm * aIm - (dRe * bRe + dIm * bIm);
    const nextIm = cos * aIm + cIm * aRe - (dRe * bIm - dIm * bRe);
    const otherRe = dRe * aRe - dIm * aIm + cos * bRe + cIm * bIm;
    bIm = dRe * aIm + dIm * aRe + cos * bIm - cIm * bRe;
    bRe = otherRe;
    aRe = nextRe;
    aIm = nextIm;
  }
  const [sizeA, sizeB] = [Math.hypot(aRe, aIm), Math.hypot(bRe, bIm)];
  const phaseA = sizeA > 0 ? Math.atan2(aIm, aRe) + 0.5 * kind.real.length * turn : 0;
  const phaseB = sizeB > 0 ? Math.atan2(bRe, -bIm) : 0; // of i b
  return [2 * Math.atan2(sizeB, sizeA), -phaseA - phaseB, phaseB - phaseA];
}

/** Mz after a waveform, from equilibrium: each step a rotation between halves of its relaxation. */
function playedMz(kind: Kind, flip: number, frequency: number, t1: number, t2: number): number {
  const [e1, e2] = [Math.exp(-kind.dwell / 2 / t1), Math.exp(-kind.dwell / 2 / t2)];
  const turn = 2 * Math.PI * kind.dwell * frequency;
  let x = 0;
  let y = 0;
  let z = 1;
  for (let step = 0; step < kind.real.length; step++) {
    const fx = flip * kind.real[step];
    const fy = flip * kind.imaginary[step];
    const angle = Math.sqrt(fx * fx + fy * fy + turn * turn);
    const per = 1 / (angle || 1);
    const sin = Math.sin(angle);
    const cos = Math.cos(angle);
    const ax = fx * per;
    const ay = fy * per;
    const az = turn * per;
    const mx = e2 * x;
    const my = e2 * y;
    const mz = 1 + e1 * (z - 1);
    const along = (1 - cos) * (ax * mx + ay * my + az * mz);
    x = e2 * (mx * cos + (ay * mz - az * my) * sin + ax * along);
    y = e2 * (my * cos + (az * mx - ax * mz) * sin + ay * along);
    z = 1 + e1 * (mz * cos + (ax * my - ay * mx) * sin + az * along - 1);
  }
  return z;
}
