/** The axis of time that the diagram and the curves share, as `report.time_axis`. */
import { pulseTimes, readoutTimes, type Sequence } from "../engine/sequence";

const LARGEST_LINEAR_RATIO = 12; // of the longest to the shortest piece
const SMALLEST_SHARE = 0.8; // of an equal share, for each piece of a stretched axis

/** From an edge of time to the next, in multiples of the delays. */
export interface Piece {
  start: number;
  end: number;
  multiples: number[];
  pulse: number;
}

export interface Axis {
  pieces: Piece[];
  pulses: number[];
  readouts: number[];
  end: number;
  stretched: boolean;
  /** Position from 0 to 1 of a time [s], and back. */
  at: (time: number) => number;
  time: (position: number) => number;
}

/** Axis of a sequence; pieces as wide as in another, for one that is dragged. */
export function makeAxis(sequence: Sequence, like?: Axis): Axis {
  const pieces = piecesOf(sequence);
  const lengths = pieces.map(({ start, end }) => Math.max(end - start, 1e-6));
  const stretched = Math.max(...lengths) > LARGEST_LINEAR_RATIO * Math.min(...lengths);
  let widths = stretched ? lengths.map((length) => length ** 0.25) : lengths;
  const whole = sum(widths);
  widths = widths.map((width) => Math.max(width / whole, stretched ? SMALLEST_SHARE / widths.length : 0));
  const total = sum(widths);
  widths = widths.map((width) => width / total);
  if (like && like.pieces.length === pieces.length) widths = likeOf(like, lengths);
  const edges = [0];
  for (const { end } of pieces) edges.push(Math.max(end, edges[edges.length - 1] + 1e-9));
  const places = [0];
  for (const width of widths) places.push(places[places.length - 1] + width);
  return {
    pieces,
    pulses: pulseTimes(sequence).slice(0, -1),
    readouts: readoutTimes(sequence),
    end: edges[edges.length - 1],
    stretched: like?.stretched ?? stretched,
    at: (time) => interpolate(edges, places, time),
    time: (position) => interpolate(places, edges, position),
  };
}

/** Widths that keep the scale of each piece, or all smaller where they would not fit. */
function likeOf(like: Axis, lengths: number[]): number[] {
  const widths = like.pieces.map(({ start, end }, at) => {
    const scale = (like.at(end) - like.at(start)) / Math.max(end - start, 1e-6);
    return scale * lengths[at];
  });
  const whole = Math.max(1, sum(widths));
  return widths.map((width) => width / whole);
}

/** Pieces between pulses, readouts and the end, those of no length left out. */
function piecesOf(sequence: Sequence): Piece[] {
  const { layout } = sequence;
  const starts = pulseTimes(sequence);
  return layout.multiples.flatMap((row, pulse) => {
    const own = layout.readouts.filter((each) => each.pulse === pulse).map((each) => each.multiples);
    const timed = [...own, row].map((multiples) => ({
      multiples,
      time: multiples.reduce((total, each, at) => total + each * sequence.delay[at], 0),
    }));
    timed.sort((one, other) => one.time - other.time);
    let before = { multiples: row.map(() => 0), time: 0 };
    const found: Piece[] = [];
    for (const next of timed) {
      const multiples = next.multiples.map((each, at) => each - before.multiples[at]);
      if (multiples.every((each) => each === 0)) continue;
      found.push({ start: starts[pulse] + before.time, end: starts[pulse] + next.time, multiples, pulse });
      before = next;
    }
    return found;
  });
}

/** Times [s] for curves: both sides of each edge, denser near them. */
export function curveTimes(axis: Axis, nPoints: number): number[] {
  const each = Math.max(8, Math.round(nPoints / axis.pieces.length));
  const times = axis.pieces.flatMap(({ start, end }) => {
    const inside = Array.from({ length: each }, (_, at) => {
      const part = (2 * at) / each - 1;
      const dense = part < 0 ? (part + 1) ** 3 : 2 - (1 - part) ** 3;
      return start + ((end - start) * dense) / 2;
    });
    return [...inside, end - (end - start) * 1e-9];
  });
  return [...times, axis.end];
}

function interpolate(from: number[], to: number[], value: number): number {
  let k = 1;
  while (k < from.length - 1 && from[k] < value) k++;
  const width = from[k] - from[k - 1];
  const part = width > 0 ? (value - from[k - 1]) / width : 0;
  return to[k - 1] + Math.min(1.5, Math.max(0, part)) * (to[k] - to[k - 1]);
}

function sum(values: number[]): number {
  return values.reduce((total, each) => total + each, 0);
}
