/** The row of gradients: crushers to drag up and down, spoilers. */
import { momentAt } from "../engine/sequence";
import type { Piece } from "./axis";
import type { DiagramProps, Rows } from "./Diagram";
import { type Handle, handleProps } from "./drag";
import { clamp, withGradient } from "./model";
import { trimmed } from "./text";

const GRADIENT = { unit: 9, drag: 14, most: 12 };

export function GradientLobes({
  sequence,
  axis,
  change,
  pulse,
  rows,
}: DiagramProps & { pulse: number; rows: Rows }) {
  const { gradients } = sequence.layout;
  const gradient = gradients[pulse];
  const own = axis.pieces.filter((piece) => piece.pulse === pulse);
  const [first, last] = [own[0], own[own.length - 1]];
  if (!first) return null;
  const start = axis.pulses[pulse];
  const value = gradient === "spoiler" ? 0 : gradient;
  const drags: Handle = {
    label: `Gradient after pulse ${pulse + 1}`,
    value,
    low: 0,
    high: GRADIENT.most,
    text: gradient === "spoiler" ? "spoiler" : `${value} cycles over the voxel`,
    step: 1,
    moved: (from, _dx, dy) => from - dy / GRADIENT.drag,
    change: (next, gesture) =>
      change(withGradient(sequence, pulse, clamp(Math.round(next), 0, GRADIENT.most)), gesture),
  };
  const [left, right] = [rows.x(first.start), rows.x(last.end)];
  return (
    <g {...handleProps(drags)}>
      <rect
        class="hit band"
        x={left + 10}
        y={rows.gradient - 30}
        width={Math.max(6, right - left - 20)}
        height={36}
      />
      {own.map((piece) => {
        const from = momentAt(sequence, pulse, piece.start - start);
        const to = momentAt(sequence, pulse, piece.end - start - 1e-12);
        return <Lobe key={piece.start} {...{ piece, rows }} moment={Math.round(to - from)} />;
      })}
      {gradient === "spoiler" && <Spoiler right={right} rows={rows} />}
    </g>
  );
}

function Lobe({ piece, moment, rows }: { piece: Piece; moment: number; rows: Rows }) {
  if (!moment) return null;
  const [left, right] = [rows.x(piece.start), rows.x(piece.end)];
  const height = 6 + GRADIENT.unit * Math.min(3, moment) * 0.8;
  const half = Math.min(18, 0.36 * (right - left));
  const middle = (left + right) / 2;
  return (
    <>
      <path
        class="lobe"
        d={`M${middle - half} ${rows.gradient}l${0.25 * half} ${-height}h${1.5 * half}l${0.25 * half} ${height}z`}
      />
      <text class="small" x={middle} y={rows.gradient - height - 4} text-anchor="middle">
        {trimmed(moment, 2)}
      </text>
    </>
  );
}

function Spoiler({ right, rows }: { right: number; rows: Rows }) {
  return (
    <>
      <path class="lobe spoiler" d={`M${right - 32} ${rows.gradient}l4 -26h16l4 26z`} />
      <text class="small" x={right - 20} y={rows.gradient - 31} text-anchor="middle">
        spoiler
      </text>
    </>
  );
}
