/** Losses of the seeds that are done, each a dot, with a line 5 % above the best. */
import { fixed } from "../page/text";

const [WIDTH, HEIGHT, MARGIN] = [720, 84, 14];
const GOLDEN = 0.6180339887498949;
const NEAR = 0.05;

export function Strip({ losses }: { losses: number[] }) {
  const { at, bound, least, highest } = places(losses);
  const within = losses.filter((loss) => loss <= least + NEAR * Math.abs(least)).length;
  const x = (share: number) => MARGIN + (WIDTH - 2 * MARGIN) * share;
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`${within} of ${losses.length} seeds within 5 % of the best loss, ${fixed(least, 6)}`}
    >
      <line class="rule" x1={MARGIN} x2={WIDTH - MARGIN} y1={HEIGHT - 20} y2={HEIGHT - 20} />
      <line class="bound" x1={x(bound)} x2={x(bound)} y1={10} y2={HEIGHT - 20} />
      <g class="dots">
        {at.map((share, seed) => (
          <circle key={`${seed + 1}`} cx={x(share)} cy={18 + (HEIGHT - 44) * ((seed * GOLDEN) % 1)} r="3.5" />
        ))}
      </g>
      <text x={MARGIN} y={HEIGHT - 5}>
        {fixed(least, 5)}
      </text>
      <text x={WIDTH - MARGIN} y={HEIGHT - 5} text-anchor="end">
        {fixed(highest, 5)}
      </text>
      <text x={Math.min(x(bound) + 5, WIDTH - 120)} y={12}>
        5 % above the best
      </text>
    </svg>
  );
}

/** Shares of the width; what lies far above the rest stands at the right end, as in the report. */
export function places(losses: number[]) {
  const sorted = losses.toSorted((a, b) => a - b);
  const least = sorted[0];
  const above = least + NEAR * Math.abs(least);
  const most = sorted[Math.floor(0.9 * (sorted.length - 1))];
  const highest = Math.max(above, Math.min(sorted[sorted.length - 1], least + 3 * (most - least)));
  const span = 1.04 * (highest - least) || 1;
  const share = (loss: number) => Math.min((loss - least) / span, 1);
  return { at: losses.map(share), bound: share(above), least, highest };
}
