/** The sequence diagram: flip angles, phases, delays and gradients to take hold of. */
import { repetitionTime, type Sequence } from "../engine/sequence";
import type { Axis, Piece } from "./axis";
import { type Handle, handleProps } from "./drag";
import { GradientLobes } from "./Gradients";
import { clamp, toDegrees, withDelay, withFlip, withPhase } from "./model";
import { degrees, ms } from "./text";

export const MARGIN = { left: 60, right: 22 };
const FLIP_HEIGHT = 118;
const TOP = 30;
const DIAL = { below: 24, radius: 10, room: 25, text: 38 };
const GRADIENT_ROW = 44;
const BOTTOM = 46;

export interface DiagramProps {
  sequence: Sequence;
  axis: Axis;
  width: number;
  keepTr: boolean;
  change: (sequence: Sequence, gesture: string) => void;
  /** While a delay is dragged the axis keeps its scale. */
  hold: (held: boolean) => void;
}

/** Places of the rows, in pixels. */
export interface Rows {
  base: number;
  perDegree: number;
  gradient: number;
  delay: number;
  height: number;
  x: (time: number) => number;
}

export function Diagram(props: DiagramProps) {
  const { sequence, axis, width } = props;
  const rows = rowsOf(sequence, axis, width);
  const several = axis.readouts.length > 1;
  return (
    <svg class="diagram" width={width} height={rows.height} role="group" aria-label="Sequence diagram">
      <RowNames rows={rows} />
      <line class="rule" x1={MARGIN.left} x2={width - MARGIN.right} y1={rows.base} y2={rows.base} />
      <line class="rule" x1={MARGIN.left} x2={width - MARGIN.right} y1={rows.gradient} y2={rows.gradient} />
      {axis.readouts.map((time, at) => (
        <g key={`readout ${at}`} transform={`translate(${rows.x(time)} ${rows.base})`} class="readout">
          <line class="mark" y2={rows.delay - rows.base} />
          <path d="M-7 -13h14l-7 12z" />
          {(!several || axis.readouts.length < 9) && (
            <text y={-19} text-anchor="middle">
              {several ? at + 1 : "readout"}
            </text>
          )}
        </g>
      ))}
      {sequence.layout.gradients.map((_, pulse) => (
        <GradientLobes key={`gradient ${pulse}`} pulse={pulse} rows={rows} {...props} />
      ))}
      {axis.pieces.map((piece, at) => (
        <Delay key={`delay ${at}`} piece={piece} rows={rows} {...props} />
      ))}
      {sequence.flip.map((_, pulse) => (
        <Pulse key={`pulse ${pulse}`} pulse={pulse} rows={rows} {...props} />
      ))}
      {sequence.layout.steady && (
        <text class="note" x={width - MARGIN.right} y={rows.height - 4} text-anchor="end">
          TR {ms(repetitionTime(sequence))}, repeated to the steady state
        </text>
      )}
    </svg>
  );
}

function rowsOf(sequence: Sequence, axis: Axis, width: number): Rows {
  const flips = sequence.flip.map(toDegrees);
  const highest = Math.max(180, ...flips);
  const perDegree = FLIP_HEIGHT / highest;
  const below = Math.max(0, ...flips.map((flip) => -flip)) * perDegree;
  const base = TOP + FLIP_HEIGHT;
  const gradient = base + below + DIAL.below + 2 * DIAL.radius + GRADIENT_ROW;
  const delay = gradient + 16;
  const inside = width - MARGIN.left - MARGIN.right;
  const x = (time: number) => MARGIN.left + inside * axis.at(time);
  return { base, perDegree, gradient, delay, height: delay + BOTTOM, x };
}

function RowNames({ rows }: { rows: Rows }) {
  const names: [string, number][] = [
    ["flip", rows.base - 6],
    ["phase", rows.base + DIAL.below + 4],
    ["gradient", rows.gradient - 5],
    ["delay", rows.delay + 18],
  ];
  return (
    <g class="row-names">
      {names.map(([name, y]) => (
        <text key={name} x={0} y={y}>
          {name}
        </text>
      ))}
    </g>
  );
}

function Pulse({
  sequence,
  axis,
  change,
  pulse,
  rows,
  keepTr: _,
  width,
}: DiagramProps & { pulse: number; rows: Rows }) {
  const x = rows.x(axis.pulses[pulse]);
  const flip = toDegrees(sequence.flip[pulse]);
  const top = rows.base - flip * rows.perDegree;
  const number = pulse + 1;
  const room = roomOf(axis, pulse) * (width - MARGIN.left - MARGIN.right);
  const kind = sequence.layout.kinds[pulse];
  const drags: Handle = {
    label: `Flip angle of pulse ${number}`,
    value: flip,
    low: -360,
    high: 360,
    text: degrees(sequence.flip[pulse]),
    step: 1,
    moved: (from, _dx, dy) => Math.round(10 * (from - dy / rows.perDegree)) / 10,
    change: (value, gesture) => change(withFlip(sequence, pulse, value), gesture),
  };
  return (
    <>
      <g {...handleProps(drags)}>
        <line class="stem" x1={x} x2={x} y1={rows.base} y2={top} />
        <circle class="grip" cx={x} cy={top} r={room > 22 ? 7 : 4} />
        <rect
          class="hit"
          x={x - 12}
          y={Math.min(top, rows.base) - 12}
          width={24}
          height={Math.abs(top - rows.base) + 20}
        />
        {room > 30 && (
          <text x={x} y={top - 13} text-anchor="middle">
            {degrees(sequence.flip[pulse])}
          </text>
        )}
        {room > 44 && kind !== "hard" && (
          <text class="kind" x={x + 10} y={top + 4}>
            {kind}
          </text>
        )}
      </g>
      {room > DIAL.room && <Dial told={room > DIAL.text} {...{ x, sequence, change, pulse, rows }} />}
    </>
  );
}

/** Phase as the direction of a needle: 0° to the right, 90° up. */
function Dial({
  x,
  told,
  sequence,
  change,
  pulse,
  rows,
}: Pick<DiagramProps, "sequence" | "change"> & { x: number; told: boolean; pulse: number; rows: Rows }) {
  const phase = sequence.phase[pulse];
  const below = Math.max(0, -toDegrees(sequence.flip[pulse])) * rows.perDegree;
  const y = rows.base + below + DIAL.below;
  const [cos, sin] = [Math.cos(phase), Math.sin(phase)];
  const turns: Handle = {
    label: `Phase of pulse ${pulse + 1}`,
    value: toDegrees(phase),
    low: -180,
    high: 180,
    text: degrees(phase),
    step: 5,
    moved: (from, dx, dy) => {
      const reach = 3 * DIAL.radius; // as if held at the tip of a longer needle
      const start = (from * Math.PI) / 180;
      const turned = Math.atan2(Math.sin(start) * reach - dy, Math.cos(start) * reach + dx);
      return Math.round(toDegrees(turned));
    },
    change: (value, gesture) => change(withPhase(sequence, pulse, value), gesture),
  };
  return (
    <g {...handleProps(turns)}>
      <circle class="dial" cx={x} cy={y} r={DIAL.radius} />
      <line class="needle" x1={x} y1={y} x2={x + DIAL.radius * cos} y2={y - DIAL.radius * sin} />
      <circle class="hit" cx={x} cy={y} r={15} />
      {told && (
        <text class="small" x={x} y={y + DIAL.radius + 12} text-anchor="middle">
          {degrees(phase)}
        </text>
      )}
    </g>
  );
}

function Delay({
  piece,
  sequence,
  axis,
  keepTr,
  change,
  hold,
  rows,
  width,
}: DiagramProps & { piece: Piece; rows: Rows }) {
  const [left, right] = [rows.x(piece.start), rows.x(piece.end)];
  const delay = delayOf(piece, sequence);
  const multiple = piece.multiples[delay];
  const perPixel = (piece.end - piece.start) / Math.max(right - left, 1);
  const text = ms(piece.end - piece.start);
  const value = 1e3 * sequence.delay[delay];
  const drags: Handle = {
    label: `Delay ${delay + 1}, after pulse ${piece.pulse + 1}`,
    value,
    low: 0,
    high: 1e3 * axis.end,
    text: ms(sequence.delay[delay]),
    step: value > 100 ? 1 : 0.1,
    moved: (from, dx) => nice(from + (1e3 * dx * perPixel) / multiple, (1e3 * perPixel) / multiple),
    change: (next, gesture) => change(withDelay(sequence, delay, next / 1e3, keepTr), gesture),
    begin: () => hold(true),
    end: () => hold(false),
  };
  const wide = right - left > 7 * text.length;
  return (
    <g {...handleProps(drags)}>
      <line class="span" x1={left + 2} x2={right - 2} y1={rows.delay} y2={rows.delay} />
      {wide && (
        <text class="small" x={(left + right) / 2} y={rows.delay + 18} text-anchor="middle">
          {text}
        </text>
      )}
      <rect class="edge" x={right - 2.5} y={rows.delay - 9} width={5} height={18} rx={2.5} />
      <rect class="hit" x={clamp(right - 10, left, width)} y={rows.delay - 16} width={20} height={32} />
    </g>
  );
}

/** Of the delays of a piece, that which the fewest intervals share. */
function delayOf(piece: Piece, { layout }: Sequence): number {
  const uses = piece.multiples.map((multiple, at) =>
    multiple > 0 ? layout.multiples.filter((row) => row[at] > 0).length : Infinity,
  );
  return uses.indexOf(Math.min(...uses));
}

/** Least distance to a neighbour, as part of the axis. */
function roomOf(axis: Axis, pulse: number): number {
  const at = axis.pulses.map(axis.at);
  const gaps = [at[pulse] - (at[pulse - 1] ?? -1), (at[pulse + 1] ?? 2) - at[pulse]];
  return Math.min(...gaps);
}

/** Rounded to what a pixel can tell. */
function nice(value: number, perPixel: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(perPixel, 1e-4)));
  return Math.max(0, Math.round(value / unit) * unit);
}
