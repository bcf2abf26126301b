/** Terms of the objective, as `sequence_search.terms`: what each computes of the signals and the sequence. */
import type { Kind, Kinds } from "./pulses";
import { duration, repetitionTime, rfEnergy, type Sequence, timeToReadout } from "./sequence";
import type { Signal } from "./simulate";
import type { Voxels } from "./voxels";

/** A weighted term: its tissues (all if null), the brighter of a contrast, the worst share, readouts from 1. */
export interface Term {
  name: string;
  kind: string;
  weight: number;
  tissues: number[] | null;
  brighter: number | null;
  worstShare: number;
  readouts: number[] | null;
}

/** Signals at one readout of the voxels of a term. */
interface Given {
  real: Float64Array;
  imaginary: Float64Array;
  size: Float64Array;
  m0: Float64Array;
  tissue: Int32Array;
}

type OfSignal = (given: Given, sequence: Sequence, term: Term) => number;
type OfSequence = (sequence: Sequence, kinds: Kinds) => number;

const OF_SIGNAL: Record<string, OfSignal> = {
  signal: ({ size, m0 }, _, { worstShare }) =>
    meanOfWorst(
      size.map((each, at) => (m0[at] - each) ** 2),
      worstShare,
    ),
  null: ({ size }, _, { worstShare }) =>
    meanOfWorst(
      size.map((each) => each * each),
      worstShare,
    ),
  contrast: contrastLoss,
  signed_contrast: (given) => {
    const first = Math.min(...new Set(given.tissue));
    const [re, im] = [given.real, given.imaginary].map(
      (part) => mean(chosen(part, given, first, true)) - mean(chosen(part, given, first, false)),
    );
    return -(re * re + im * im);
  },
  snr_efficiency: ({ size }, sequence) => -mean(size) / Math.sqrt(repetitionTime(sequence)),
};

const OF_SEQUENCE: Record<string, OfSequence> = {
  rf_energy: rfEnergy,
  rf_number: ({ flip }) => flip.length,
  time_to_readout: timeToReadout,
  duration,
  peak_b1: (sequence, kinds) =>
    Math.max(...played(sequence, kinds, (kind) => kind.peakB1).map(([, b1]) => b1)),
  b1_rms: (sequence, kinds) => {
    const squares = played(sequence, kinds, (kind) => kind.rmsB1).map(
      ([kind, b1]) => kind.duration * b1 * b1,
    );
    return Math.sqrt(squares.reduce((sum, each) => sum + each, 0) / duration(sequence));
  },
};

/** Whether the page knows a kind of term. */
export function isKnown(kind: string): boolean {
  return kind in OF_SIGNAL || kind in OF_SEQUENCE;
}

/** Weighted part of each term; they add up to the loss. */
export function lossParts(
  terms: Term[],
  signal: Signal,
  sequence: Sequence,
  voxels: Voxels,
  kinds: Kinds,
): number[] {
  return terms.map((term) => {
    const ofSequence = OF_SEQUENCE[term.kind];
    if (ofSequence) return term.weight * ofSequence(sequence, kinds);
    const readouts = term.readouts ?? Array.from({ length: signal.nReadouts }, (_, at) => at + 1);
    const values = readouts.map((readout) =>
      OF_SIGNAL[term.kind](select(term, signal, readout - 1, voxels), sequence, term),
    );
    return term.weight * mean(values);
  });
}

function select(term: Term, signal: Signal, readout: number, { m0, tissue }: Voxels): Given {
  const places = [...tissue.keys()].filter((at) => term.tissues?.includes(tissue[at]) ?? true);
  const of = (column: Float64Array, from = 0) => Float64Array.from(places, (at) => column[from + at]);
  const first = readout * m0.length;
  const [real, imaginary] = [of(signal.real, first), of(signal.imaginary, first)];
  const size = real.map((part, at) => Math.hypot(part, imaginary[at]));
  return { real, imaginary, size, m0: of(m0), tissue: Int32Array.from(places, (at) => tissue[at]) };
}

/** -d², with a tissue that is to be the brighter -d |d|. Sequence Search, Eq. (3). */
function contrastLoss(given: Given, _: Sequence, { brighter, worstShare }: Term): number {
  const first = brighter ?? Math.min(...new Set(given.tissue));
  const dark = chosen(given.size, given, first, true).map((each) => -each);
  const bright = chosen(given.size, given, first, false);
  const difference = -meanOfWorst(dark, worstShare) - meanOfWorst(bright, worstShare);
  return -difference * (brighter === null ? difference : Math.abs(difference));
}

function chosen(values: Float64Array, { tissue }: Given, of: number, same: boolean): Float64Array {
  return values.filter((_, at) => (tissue[at] === of) === same);
}

function mean(values: Float64Array | number[]): number {
  let sum = 0;
  for (const each of values) sum += each;
  return sum / values.length;
}

/** Mean over the largest values that are this share of all; the last counts by the part that is needed. */
function meanOfWorst(values: Float64Array, share: number): number {
  if (share === 1) return mean(values);
  const wanted = share * values.length;
  const sorted = values.toSorted().reverse();
  let sum = 0;
  for (let at = 0; at < wanted; at++) sum += Math.min(1, wanted - at) * sorted[at];
  return sum / wanted;
}

/** Kind of each pulse, and a B1 [uT] that rises with its flip angle, but of a kind of fixed amplitude. */
function played({ flip, layout }: Sequence, kinds: Kinds, b1: (kind: Kind) => number): [Kind, number][] {
  return layout.kinds.map((name, pulse) => {
    const kind = kinds[name];
    return [kind, kind.fixedFlip === null ? Math.abs(flip[pulse]) * b1(kind) : b1(kind)];
  });
}
