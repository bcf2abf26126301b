/** What is edited: a sequence and the values of tissues; edits are plain functions of it. */
import type { Kinds } from "../engine/pulses";
import { type PackedVoxels, readVoxels } from "../engine/read";
import { type Gradient, intervals, type Layout, type Sequence } from "../engine/sequence";
import type { Term } from "../engine/terms";
import type { Voxels } from "../engine/voxels";

/** As `sequence_search.page.data.problem_data` writes it. */
export interface PackedProblem {
  name: string;
  title: string;
  source: string;
  tissues: { name: string; colour: string }[];
  nominal: PackedVoxels;
  voxels: PackedVoxels;
  terms: Term[];
  kinds: Kinds;
  /** Across a slice: of signals and the loss, as `evaluate`; of all else, as in a search. */
  nPlaces: number;
  fewPlaces: number;
  /** Axes of maps, as many points as in the report's, over which an error is the mean. */
  b0: number[];
  b1: number[];
}

export type Problem = Omit<PackedProblem, "nominal" | "voxels"> & { nominal: Voxels; voxels: Voxels };

/** Values of a tissue that can be edited, in SI units. */
export const EDITABLE = ["m0", "t1", "t2", "t2Prime"] as const;
export type Editable = (typeof EDITABLE)[number];
export type TissueValues = Record<Editable, number>;

export interface Edit {
  sequence: Sequence;
  tissues: TissueValues[];
}

const DEGREE = Math.PI / 180;

export function readProblem(packed: PackedProblem): Problem {
  return { ...packed, nominal: readVoxels(packed.nominal), voxels: readVoxels(packed.voxels) };
}

export function startOf(problem: Problem, sequence: Sequence): Edit {
  const tissues = problem.tissues.map((_, at) => {
    const values = EDITABLE.map((name) => [name, problem.nominal[name][at]]);
    return Object.fromEntries(values) as TissueValues;
  });
  return { sequence, tissues };
}

const edited = new WeakMap<TissueValues[], Map<Voxels, Voxels>>();

/** Voxels with the values of an edit: all of a tissue by the ratio to what it was; the same while they stay. */
export function editedVoxels(problem: Problem, voxels: Voxels, tissues: TissueValues[]): Voxels {
  const kept = edited.get(tissues) ?? new Map<Voxels, Voxels>();
  edited.set(tissues, kept);
  const known = kept.get(voxels) ?? scaledVoxels(problem, voxels, tissues);
  kept.set(voxels, known);
  return known;
}

function scaledVoxels(problem: Problem, voxels: Voxels, tissues: TissueValues[]): Voxels {
  const changed = { ...voxels };
  for (const name of EDITABLE) {
    const ratio = tissues.map((values, at) => {
      const before = problem.nominal[name][at];
      return values[name] === before ? 1 : values[name] / before;
    });
    if (ratio.every((each) => each === 1)) continue;
    changed[name] = voxels[name].map((value, at) => {
      const tissue = voxels.tissue[at];
      return Number.isFinite(value) ? value * ratio[tissue] : tissues[tissue][name];
    });
  }
  return changed;
}

export function withFlip(sequence: Sequence, pulse: number, degrees: number): Sequence {
  return { ...sequence, flip: sequence.flip.with(pulse, clamp(degrees, -720, 720) * DEGREE) };
}

/** Phases are kept within (-180°, 180°]. */
export function withPhase(sequence: Sequence, pulse: number, degrees: number): Sequence {
  const wrapped = 180 - mod(180 - degrees, 360);
  return { ...sequence, phase: sequence.phase.with(pulse, wrapped * DEGREE) };
}

/** One delay [s]; if the TR is kept, the last delay, which follows the readout, takes up the difference. */
export function withDelay(sequence: Sequence, at: number, seconds: number, keepTr: boolean): Sequence {
  const delay = sequence.delay.with(at, Math.max(0, seconds));
  const last = delay.length - 1;
  if (keepTr && sequence.layout.steady && at !== last) {
    const counts = timesPlayed(sequence.layout);
    const change = ((delay[at] - sequence.delay[at]) * counts[at]) / counts[last];
    if (change > delay[last]) return sequence;
    delay[last] -= change;
  }
  return { ...sequence, delay };
}

/** The TR [s], by the last delay. */
export function withRepetition(sequence: Sequence, seconds: number): Sequence {
  const last = sequence.delay.length - 1;
  const change = seconds - intervals(sequence).reduce((sum, each) => sum + each, 0);
  const left = sequence.delay[last] + change / timesPlayed(sequence.layout)[last];
  return { ...sequence, delay: sequence.delay.with(last, Math.max(0, left)) };
}

/** The gradient of an interval; a readout that stood behind all of it still does. */
export function withGradient(sequence: Sequence, pulse: number, gradient: Gradient): Sequence {
  const { layout } = sequence;
  const [before, after] = [layout.gradients[pulse], gradient === "spoiler" ? 0 : gradient];
  const whole = before === "spoiler" ? 0 : before;
  const isLast = pulse === layout.gradients.length - 1;
  const readouts = layout.readouts.map((readout) => {
    if (readout.pulse !== pulse) return readout;
    const share = whole > 0 ? readout.gradient / whole : isLast ? 1 : 0.5;
    return { ...readout, gradient: Math.round(share * after) };
  });
  const gradients = layout.gradients.with(pulse, gradient);
  return { ...sequence, layout: { ...layout, gradients, readouts } };
}

export function withKind(sequence: Sequence, pulse: number, kind: string): Sequence {
  const { layout } = sequence;
  return { ...sequence, layout: { ...layout, kinds: layout.kinds.with(pulse, kind) } };
}

/** How often each delay is played in all intervals. */
export function timesPlayed({ multiples }: Layout): number[] {
  return multiples[0].map((_, at) => multiples.reduce((sum, row) => sum + row[at], 0));
}

export function toDegrees(angle: number): number {
  return angle / DEGREE;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function mod(value: number, by: number): number {
  return ((value % by) + by) % by;
}
