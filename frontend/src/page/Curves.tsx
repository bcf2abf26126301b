/** What happens over time, below the diagram and on its axis: |Mxy|, Mz and the phase graph. */
import type { ComponentChildren } from "preact";
import { isCrushed, type State } from "../engine/phaseGraph";
import { momentAt, type Sequence } from "../engine/sequence";
import type { Axis } from "./axis";
import { MARGIN } from "./Diagram";
import { fixed, trimmed } from "./text";

const DASHES = ["", "7 4", "7 3 1.5 3", "1.5 3"]; // as the line styles of the figures
const TRANSVERSE = "#0072B2";
const LONGITUDINAL = "#D55E00";
const SHOWN = 0.01; // of the signal, below which a state is pale
const NARROW = 480; // pixels, below which a note takes two lines
const LEAST = 0.005; // of M0, below which it is left out

export interface Look {
  name: string;
  colour: string;
}

interface Frame {
  axis: Axis;
  width: number;
  height: number;
  /** Time of the cursor [s]. */
  cursor: number;
  seek: (time: number) => void;
}

interface CurvesProps extends Frame {
  title: string;
  times: number[];
  /** One column of numbers per tissue. */
  columns: Float64Array[];
  looks: Look[];
  low: number;
  high: number;
}

/** One curve per tissue. */
export function Curves({ title, times, columns, looks, low, high, ...frame }: CurvesProps) {
  const { axis, width, height } = frame;
  const x = (time: number) => MARGIN.left + (width - MARGIN.left - MARGIN.right) * axis.at(time);
  const y = (value: number) => height - 8 - ((height - 14) * (value - low)) / (high - low);
  const at = nearest(times, frame.cursor);
  return (
    <figure class="strip">
      <figcaption>
        {title}
        <span class="values">
          {looks.map((look, tissue) => (
            <span key={look.name} style={{ "--tissue": look.colour }}>
              {look.name} {fixed(columns[tissue][at], 3)}
            </span>
          ))}
        </span>
      </figcaption>
      <Panel {...frame} label={title}>
        <Ticks values={[low < 0 ? -niceTop(high) : 0, 0, niceTop(high)]} y={y} width={width} />
        {columns.map((column, tissue) => (
          <path
            key={looks[tissue].name}
            class="curve"
            stroke={looks[tissue].colour}
            stroke-dasharray={DASHES[tissue % DASHES.length]}
            d={pathOf(times.map(x), column, y)}
          />
        ))}
      </Panel>
    </figure>
  );
}

/** States as broad as what they bring of the signal, at their crusher moment or the time dephased. */
export function Graph({ states, sequence, ...frame }: Frame & { states: State[]; sequence: Sequence }) {
  const { axis, width, height } = frame;
  const crushed = isCrushed(sequence.layout);
  const largest = Math.max(...states.map((state) => Math.abs(state.part)), 0);
  const shown = states
    .filter((state) => Math.abs(state.part) >= SHOWN * largest || state.amplitude >= LEAST)
    .sort((one, other) => Math.abs(one.part) - Math.abs(other.part))
    .map((state) => ({ state, course: courseOf(state, sequence, axis, crushed) }));
  const carries = ({ part }: State) => largest > 0 && Math.abs(part) >= SHOWN * largest;
  const carrying = shown.filter(({ state }) => carries(state));
  const [low, high] = rangeOf((carrying.length ? carrying : shown).flatMap(({ course }) => course));
  const x = (time: number) => MARGIN.left + (width - MARGIN.left - MARGIN.right) * axis.at(time);
  const y = (value: number) => height - 10 - ((height - 20) * (value - low)) / (high - low || 1);
  const lineOf = (course: [number, number][]) =>
    course.map(([time, value], at) => `${at ? "L" : "M"}${r(x(time))} ${r(y(value))}`).join("");
  return (
    <figure class="strip">
      <figcaption>
        {crushed ? "Phase graph: crusher moment" : "Phase graph: time dephased (ms)"}
        <span class="values">
          <span style={{ "--tissue": TRANSVERSE }}>transverse</span>
          <span style={{ "--tissue": LONGITUDINAL }}>along z</span>
          {largest > 0 && <span class="plain">widest brings {largest.toFixed(2)} M0; dashed takes away</span>}
        </span>
      </figcaption>
      <Panel {...frame} label="Extended phase graph">
        <Ticks values={ticksOf(low, high, crushed)} y={y} width={width} />
        <path
          class="pale"
          d={shown
            .filter(({ state }) => !carries(state))
            .map(({ course }) => lineOf(course))
            .join("")}
        />
        {carrying.map(({ state, course }) => (
          <path
            key={[state.pulse, state.transverse, state.moment, state.clock].join()}
            class="state"
            stroke={state.transverse ? TRANSVERSE : LONGITUDINAL}
            stroke-width={1.2 + (6 * Math.abs(state.part)) / largest}
            stroke-dasharray={state.part < 0 ? "5 3" : ""}
            d={lineOf(course)}
          />
        ))}
      </Panel>
    </figure>
  );
}

interface PanelProps extends Frame {
  label: string;
  children: ComponentChildren;
}

/** Marks of pulses and readouts, the cursor, and a pointer that moves it. */
function Panel({ axis, width, height, cursor, seek, label, children }: PanelProps) {
  const inside = width - MARGIN.left - MARGIN.right;
  const x = (time: number) => MARGIN.left + inside * axis.at(time);
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const position = (event.clientX - box.left - MARGIN.left) / inside;
    seek(axis.time(Math.min(1, Math.max(0, position))));
  };
  return (
    <svg
      width={width}
      height={height}
      role="img"
      aria-label={label}
      onPointerMove={point}
      onPointerDown={point}
    >
      {axis.pulses.map((time) => (
        <line key={`pulse ${time}`} class="mark pulse" x1={x(time)} x2={x(time)} y2={height} />
      ))}
      {axis.readouts.map((time, at) => (
        <line key={`readout ${at}`} class="mark" x1={x(time)} x2={x(time)} y2={height} />
      ))}
      {children}
      <line class="cursor" x1={x(cursor)} x2={x(cursor)} y2={height} />
    </svg>
  );
}

function Ticks({ values, y, width }: { values: number[]; y: (value: number) => number; width: number }) {
  return (
    <g class="ticks">
      {[...new Set(values)].map((value) => (
        <g key={value}>
          <line x1={MARGIN.left} x2={width - MARGIN.right} y1={y(value)} y2={y(value)} />
          <text x={MARGIN.left - 8} y={y(value) + 4} text-anchor="end">
            {trimmed(value, 2).replace("-", "−")}
          </text>
        </g>
      ))}
    </g>
  );
}

/** Times on the axis. */
export function TimeLabels({ axis, width }: { axis: Axis; width: number }) {
  const x = (time: number) => MARGIN.left + (width - MARGIN.left - MARGIN.right) * axis.at(time);
  const edges = [0, ...axis.pieces.map((piece) => piece.end)];
  const scale = axis.stretched ? "; each delay to a scale of its own" : "";
  const narrow = axis.stretched && width < NARROW;
  const kept = edges.filter(
    (edge, at) => at === 0 || x(edge) - x(edges[at - 1]) > 44 || at === edges.length - 1,
  );
  return (
    <svg class="time" width={width} height={narrow ? 50 : 34} aria-hidden="true">
      {kept.map((edge) => (
        <text key={edge} x={x(edge)} y={13} text-anchor={edge === axis.end ? "end" : "middle"}>
          {trimmed(1e3 * edge, 1)}
        </text>
      ))}
      <text class="note" x={MARGIN.left} y={30}>
        time from the first pulse (ms){narrow ? "" : scale}
      </text>
      {narrow && (
        <text class="note" x={MARGIN.left} y={46}>
          {scale.slice(2)}
        </text>
      )}
    </svg>
  );
}

function courseOf(state: State, sequence: Sequence, axis: Axis, crushed: boolean): [number, number][] {
  const start = axis.pulses[state.pulse];
  const isLast = state.pulse === axis.pulses.length - 1;
  let end = isLast ? axis.end : axis.pulses[state.pulse + 1];
  if (isLast && state.transverse) end = Math.max(start, ...axis.readouts);
  const times = [
    start,
    ...axis.pieces.map((piece) => piece.end).filter((time) => time > start && time <= end + 1e-12),
  ];
  return times.map((time) => {
    const since = time - start;
    if (!state.transverse) return [time, crushed ? state.moment : 1e3 * state.clock];
    const gained = crushed ? momentAt(sequence, state.pulse, since) : 1e3 * since;
    return [time, (crushed ? state.moment : 1e3 * state.clock) + gained];
  });
}

function rangeOf(points: [number, number][]): [number, number] {
  const values = points.map((point) => point[1]);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  return high > low ? [low, high] : [low - 1, high + 1];
}

function ticksOf(low: number, high: number, whole: boolean): number[] {
  const per = whole ? 1 : 10;
  return [Math.ceil(low * per - 1e-6) / per, 0, Math.floor(high * per + 1e-6) / per];
}

function pathOf(xs: number[], values: Float64Array, y: (value: number) => number): string {
  let path = "";
  for (let at = 0; at < xs.length; at++) path += `${at ? "L" : "M"}${r(xs[at])} ${r(y(values[at]))}`;
  return path;
}

function nearest(times: number[], time: number): number {
  let best = 0;
  for (let at = 1; at < times.length; at++) {
    if (Math.abs(times[at] - time) < Math.abs(times[best] - time)) best = at;
  }
  return best;
}

function niceTop(high: number): number {
  const unit = 10 ** Math.floor(Math.log10(high));
  return Math.floor(high / unit) * unit;
}

/** To a tenth of a pixel; `toFixed` takes five times as long. */
function r(value: number): number {
  return Math.round(10 * value) / 10;
}
