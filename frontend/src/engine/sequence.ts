/** What is played: the same plain data as `sequence_search.Sequence` and `Layout`, in SI units. */

export type Gradient = number | "spoiler";

/** A moment at which the signal is read: after a pulse, some delays and some crusher moment later. */
export interface Readout {
  pulse: number;
  multiples: number[];
  gradient: number;
}

/** Delays and gradient of the interval after each pulse, kinds of pulse, readouts, repetition. */
export interface Layout {
  multiples: number[][];
  gradients: Gradient[];
  kinds: string[];
  readouts: Readout[];
  steady: boolean;
}

/** Flip angles and phases [rad] of each pulse, delays [s] of the layout. */
export interface Sequence {
  flip: number[];
  phase: number[];
  delay: number[];
  layout: Layout;
}

/** Hard pulses, free delays, one readout at the end, played once. */
export function plainLayout(nPulses: number): Layout {
  const row = (at: number) => Array.from({ length: nPulses }, (_, place) => Number(place === at));
  return {
    multiples: Array.from({ length: nPulses }, (_, at) => row(at)),
    gradients: Array<Gradient>(nPulses).fill(0),
    kinds: Array<string>(nPulses).fill("hard"),
    readouts: [{ pulse: nPulses - 1, multiples: row(nPulses - 1), gradient: 0 }],
    steady: false,
  };
}

/** Sum of multiples times delays [s]. */
export function timeOf(multiples: number[], delay: number[]): number {
  return multiples.reduce((sum, multiple, at) => sum + multiple * delay[at], 0);
}

/** From the centre of each pulse to that of the next, after the last to the end [s]. */
export function intervals({ layout, delay }: Sequence): number[] {
  return layout.multiples.map((row) => timeOf(row, delay));
}

/** From the first pulse to each pulse, and to the end [s]. */
export function pulseTimes(sequence: Sequence): number[] {
  const times = [0];
  for (const interval of intervals(sequence)) times.push(times[times.length - 1] + interval);
  return times;
}

/** From the first pulse to each readout [s]. */
export function readoutTimes(sequence: Sequence): number[] {
  const starts = pulseTimes(sequence);
  return sequence.layout.readouts.map((each) => starts[each.pulse] + timeOf(each.multiples, sequence.delay));
}

/** Repetition time [s]; infinite if it is played once. */
export function repetitionTime(sequence: Sequence): number {
  return sequence.layout.steady ? (pulseTimes(sequence).at(-1) as number) : Infinity;
}

/** From the first pulse to the last readout [s]. */
export function timeToReadout(sequence: Sequence): number {
  return Math.max(...readoutTimes(sequence));
}

/** The repetition time, or the time to the last readout of what is played once [s]. */
export function duration(sequence: Sequence): number {
  return sequence.layout.steady ? repetitionTime(sequence) : timeToReadout(sequence);
}

/** Sum of squared flip angles [rad²]. */
export function rfEnergy({ flip }: Sequence): number {
  return flip.reduce((sum, angle) => sum + angle * angle, 0);
}

/**
 * Crusher moment some time [s] after a pulse, in a straight line between readouts and pulses; nothing of a
 * spoiler, which is played just before the next pulse.
 */
export function momentAt({ layout, delay }: Sequence, pulse: number, time: number): number {
  const own = layout.readouts.filter((each) => each.pulse === pulse);
  const points = own.map((each) => [timeOf(each.multiples, delay), each.gradient]);
  points.push([0, 0]);
  points.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  const gradient = layout.gradients[pulse];
  points.push([
    timeOf(layout.multiples[pulse], delay),
    gradient === "spoiler" ? (points.at(-1) as number[])[1] : gradient,
  ]);
  return interpolated(points, time);
}

function interpolated(points: number[][], time: number): number {
  const next = points.findIndex((point) => point[0] > time);
  if (next === 0) return points[0][1];
  if (next < 0) return (points.at(-1) as number[])[1];
  const [[x0, y0], [x1, y1]] = [points[next - 1], points[next]];
  return y0 + ((y1 - y0) * (time - x0)) / (x1 - x0);
}
