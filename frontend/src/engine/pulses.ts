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
}

const EXTENT = 1; // slice thicknesses to each side that places cover

/** One lane a voxel, or one for each place across the slice if a pulse selects it. */
export function lanesOf(voxels: Voxels, layout: Layout, kinds: Kinds, nPlaces: number): Lanes {
  const selects = layout.kinds.some((name) => name !== "hard" && kinds[name].sliceBandwidth > 0);
  if (!selects) return { voxels, places: [0] };
  const width = (2 * EXTENT) / nPlaces;
  const places = Array.from({ length: nPlaces }, (_, at) => (at + 0.5) * width - EXTENT);
  return { voxels: repeated(voxels, nPlaces), places };
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
      return { angle: lanes.voxels.b1.map((b1) => angle * b1), before: null, after: null };
    }
    return shapedRotation(kinds[name], angle, lanes);
  });
}

function shapedRotation(kind: Kind, flip: number, { voxels, places }: Lanes): Rotation {
  const n = voxels.b1.length;
  const nominal = kind.fixedFlip ?? flip;
  const rotation = { angle: new Float64Array(n), before: new Float64Array(n), after: new Float64Array(n) };
  for (let lane = 0; lane < n; lane++) {
    const frequency = voxels.b0[lane] + kind.sliceBandwidth * places[lane % places.length];
    const [angle, before, after] = turnsOf(kind, nominal * voxels.b1[lane], frequency);
    rotation.angle[lane] = angle;
    rotation.before[lane] = before;
    rotation.after[lane] = after;
  }
  return rotation;
}

/**
 * Angle, turn before and turn after of a waveform at an offset [Hz], from its Cayley-Klein parameters a, b,
 * U = [[a, -b*], [b, a*]]: Pauly et al. 1991, doi:10.1109/42.75611. Half the free turn is taken off each side.
 */
function turnsOf(kind: Kind, flip: number, frequency: number): [number, number, number] {
  const turn = 2 * Math.PI * kind.dwell * frequency;
  let [aRe, aIm, bRe, bIm] = [1, 0, 0, 0];
  for (let step = 0; step < kind.real.length; step++) {
    const [x, y] = [flip * kind.real[step], flip * kind.imaginary[step]];
    const angle = Math.sqrt(x * x + y * y + turn * turn);
    const cos = Math.cos(angle / 2);
    const sinc = angle > 0 ? Math.sin(angle / 2) / angle : 0.5;
    const [cIm, dRe, dIm] = [-turn * sinc, y * sinc, -x * sinc]; // a = cos + i cIm, b = dRe + i dIm of the step
    [aRe, aIm, bRe, bIm] = [
      cos * aRe - cIm * aIm - (dRe * bRe + dIm * bIm),
      cos * aIm + cIm * aRe - (dRe * bIm - dIm * bRe),
      dRe * aRe - dIm * aIm + cos * bRe + cIm * bIm,
      dRe * aIm + dIm * aRe + cos * bIm - cIm * bRe,
    ];
  }
  const [sizeA, sizeB] = [Math.hypot(aRe, aIm), Math.hypot(bRe, bIm)];
  const phaseA = sizeA > 0 ? Math.atan2(aIm, aRe) + 0.5 * kind.real.length * turn : 0;
  const phaseB = sizeB > 0 ? Math.atan2(bRe, -bIm) : 0; // of i b
  return [2 * Math.atan2(sizeB, sizeA), -phaseA - phaseB, phaseB - phaseA];
}
