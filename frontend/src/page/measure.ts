/** What is shown of an edit: signals, loss, curves, phase graph, robustness. */
import { type Course, evolve } from "../engine/evolve";
import { isTurnedByB0, signalOverField } from "../engine/field";
import { phaseGraph, type State } from "../engine/phaseGraph";
import { magnitude, type Signal, simulate } from "../engine/simulate";
import { isKnown, lossParts } from "../engine/terms";
import { fieldGrid, ofTissues, somePart, type Voxels } from "../engine/voxels";
import { type Edit, editedVoxels, type Problem } from "./model";

export interface Loss {
  /** Weighted part of each term; NaN of one that the page does not know. */
  parts: number[];
  total: number;
  nVoxels: number;
  /** Mean and standard deviation of |Mxy| over the voxels of each tissue, the mean of the readouts. */
  mean: number[];
  deviation: number[];
}

export interface Field {
  /** |Mxy| relative to b0 = 0, b1 = 1, b1 varying fastest. */
  relative: Float64Array;
  /** Mean of |relative - 1| over the points of the report's maps. */
  error: number;
}

/** Seconds that a step of a long simulation may take before the page is drawn again. */
const PATIENCE = 0.012;

/** |Mxy| of each tissue's nominal voxel, the mean of the readouts. */
export function nominalSignals(problem: Problem, edit: Edit): number[] {
  const voxels = editedVoxels(problem, problem.nominal, edit.tissues);
  return meanOfReadouts(simulate(edit.sequence, voxels, problem.kinds, problem.nPlaces));
}

/** Mx, My and Mz of the nominal voxels over time [s], in units of M0. */
export function courses(problem: Problem, edit: Edit, times: number[]): Course {
  const voxels = editedVoxels(problem, problem.nominal, edit.tissues);
  return evolve(edit.sequence, voxels, times, problem.kinds, problem.fewPlaces);
}

export function graphOf(problem: Problem, edit: Edit, tissue: number): State[] {
  const voxels = editedVoxels(problem, problem.nominal, edit.tissues);
  return phaseGraph(edit.sequence, ofTissues(voxels, [tissue]), problem.kinds, problem.fewPlaces);
}

/** Loss over one of so many voxels. */
export function roughLoss(problem: Problem, edit: Edit, every: number): Loss {
  const some = partsOf(problem, `every ${every}`, () => somePart(problem.voxels, every));
  const voxels = editedVoxels(problem, some, edit.tissues);
  const signal = simulate(edit.sequence, voxels, problem.kinds, problem.nPlaces);
  return lossOf(problem, edit, voxels, signal);
}

/** Loss over all voxels, in pieces between which the page is drawn; null if no longer wanted. */
export async function wholeLoss(problem: Problem, edit: Edit, wanted: () => boolean): Promise<Loss | null> {
  const voxels = editedVoxels(problem, problem.voxels, edit.tissues);
  const n = voxels.m0.length;
  const size = n * edit.sequence.layout.readouts.length;
  const signal: Signal = {
    real: new Float64Array(size),
    imaginary: new Float64Array(size),
    nReadouts: edit.sequence.layout.readouts.length,
  };
  let step = 64;
  for (let first = 0; first < n; ) {
    const begun = performance.now();
    const last = Math.min(n, first + step);
    const piece = simulate(edit.sequence, slice(voxels, first, last), problem.kinds, problem.nPlaces);
    for (let r = 0; r < signal.nReadouts; r++) {
      const rows = [r * (last - first), (r + 1) * (last - first)] as const;
      signal.real.set(piece.real.subarray(...rows), r * n + first);
      signal.imaginary.set(piece.imaginary.subarray(...rows), r * n + first);
    }
    const seconds = (performance.now() - begun) / 1e3;
    first = last;
    step = Math.max(16, Math.round((step * PATIENCE) / Math.max(seconds, PATIENCE / 8)));
    await new Promise((resolve) => setTimeout(resolve));
    if (!wanted()) return null;
  }
  return lossOf(problem, edit, voxels, signal);
}

/** Signal of a tissue's nominal voxel over b0 and b1, every so-many-th point of the problem's axes. */
export function fieldOf(problem: Problem, edit: Edit, tissue: number, every: number): Field {
  const voxel = partsOf(problem, `tissue ${tissue}`, () => ofTissues(problem.nominal, [tissue]));
  const [b0, b1] = [problem.b0, problem.b1].map((axis) =>
    Float64Array.from(axis.filter((_, at) => at % every === 0)),
  );
  const own = (voxels: Voxels) => editedVoxels(problem, voxels, edit.tissues);
  const run = (voxels: Voxels) => simulate(edit.sequence, voxels, problem.kinds, problem.fewPlaces);
  const signal = isTurnedByB0(edit.sequence.layout)
    ? signalOverField(edit.sequence, own(voxel), b0, b1)
    : run(own(partsOf(problem, `field ${tissue} ${every}`, () => fieldGrid(voxel, b0, b1))));
  const signals = meanOfReadouts(signal);
  const [reference] = meanOfReadouts(run(own(voxel)));
  const relative = Float64Array.from(signals, (each) => each / reference);
  return { relative, error: errorOf(relative, problem.b0.length) };
}

/** Mean of |relative - 1| over n x n points, of a square map of fewer, linear between these. */
export function errorOf(relative: Float64Array, n: number): number {
  const last = Math.round(Math.sqrt(relative.length)) - 1;
  const apart = (n - 1) / last;
  const weight = (at: number) => (at === 0 || at === last ? (apart + 1) / 2 : apart) / n;
  return relative.reduce((sum, each, at) => {
    const [column, row] = [Math.floor(at / (last + 1)), at % (last + 1)];
    return sum + weight(column) * weight(row) * Math.abs(each - 1);
  }, 0);
}

const parts = new WeakMap<Problem, Map<string, Voxels>>();

/** Voxels of a problem by what they are for, made once, so that what depends on them alone is found once. */
function partsOf(problem: Problem, what: string, make: () => Voxels): Voxels {
  const kept = parts.get(problem) ?? new Map<string, Voxels>();
  parts.set(problem, kept);
  const known = kept.get(what) ?? make();
  kept.set(what, known);
  return known;
}

function lossOf(problem: Problem, edit: Edit, voxels: Voxels, signal: Signal): Loss {
  const known = problem.terms.filter((term) => isKnown(term.kind));
  const values = lossParts(known, signal, edit.sequence, voxels, problem.kinds);
  const parts = problem.terms.map((term) => (isKnown(term.kind) ? values[known.indexOf(term)] : NaN));
  const total = parts.reduce((sum, part) => sum + part, 0);
  const sizes = meanOfReadouts(signal);
  const nTissues = problem.tissues.length;
  const of = (tissue: number) => sizes.filter((_, at) => voxels.tissue[at] === tissue);
  const mean = Array.from({ length: nTissues }, (_, tissue) => average(of(tissue)));
  const deviation = mean.map((each, tissue) =>
    Math.sqrt(average(of(tissue).map((size) => (size - each) ** 2))),
  );
  return { parts, total, nVoxels: sizes.length / nTissues, mean, deviation };
}

function meanOfReadouts(signal: Signal): number[] {
  const sizes = magnitude(signal);
  const n = sizes.length / signal.nReadouts;
  return Array.from({ length: n }, (_, voxel) => {
    let sum = 0;
    for (let r = 0; r < signal.nReadouts; r++) sum += sizes[r * n + voxel];
    return sum / signal.nReadouts;
  });
}

function average(values: number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

function slice(voxels: Voxels, first: number, last: number): Voxels {
  const columns = Object.entries(voxels).map(([name, column]) => [name, column.subarray(first, last)]);
  return Object.fromEntries(columns) as Voxels;
}
