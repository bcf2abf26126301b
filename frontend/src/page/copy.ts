/** The edited sequence as text that `sequence-search evaluate` and Python take. */
import type { Layout, Sequence } from "../engine/sequence";
import { plainLayout } from "../engine/sequence";
import { toDegrees } from "./model";

/** Degrees and milliseconds, as `Sequence.to_dict`; a layout only if it is not plain. */
export function toDict({ flip, phase, delay, layout }: Sequence): Record<string, unknown> {
  const columns = {
    flip_deg: flip.map((angle) => rounded(toDegrees(angle))),
    phase_deg: phase.map((angle) => rounded(toDegrees(angle))),
    delay_ms: delay.map((seconds) => rounded(1e3 * seconds)),
  };
  return isPlain(layout) ? columns : { ...columns, layout };
}

export function toJson(sequence: Sequence): string {
  return JSON.stringify(toDict(sequence), null, 2);
}

export function toToml(sequence: Sequence): string {
  const { layout, ...columns } = toDict(sequence) as { layout?: Layout } & Record<string, number[]>;
  const lines = Object.entries(columns).map(([key, values]) => `${key} = ${JSON.stringify(values)}`);
  if (layout) {
    const { multiples, gradients, kinds, steady, readouts } = layout;
    lines.push("", "[layout]", `multiples = ${JSON.stringify(multiples)}`);
    lines.push(`gradients = ${JSON.stringify(gradients)}`, `kinds = ${JSON.stringify(kinds)}`);
    lines.push(`steady = ${steady}`);
    for (const { pulse, multiples, gradient } of readouts) {
      lines.push("", "[[layout.readouts]]", `pulse = ${pulse}`);
      lines.push(`multiples = ${JSON.stringify(multiples)}`, `gradient = ${gradient}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

export function toCommand(sequence: Sequence, source: string): string {
  const problem = quoted(source);
  if (isPlain(sequence.layout)) {
    const { flip_deg, phase_deg, delay_ms } = toDict(sequence) as Record<string, number[]>;
    const lists = `--flip-deg ${flip_deg.join(" ")} --phase-deg ${phase_deg.join(" ")}`;
    return `sequence-search evaluate ${problem} ${lists} --delay-ms ${delay_ms.join(" ")}`;
  }
  const written = `cat > design.json <<'END'\n${toJson(sequence)}\nEND`;
  return `${written}\nsequence-search evaluate ${problem} --sequence design.json`;
}

export function toPython(sequence: Sequence, source: string): string {
  const dict = JSON.stringify(toDict(sequence), null, 4).replace(
    /"steady": (t|f)/,
    (found) => found.slice(0, -1) + found.slice(-1).toUpperCase(),
  );
  return `from sequence_search import Problem, Sequence

problem = Problem.load(${JSON.stringify(source)})
sequence = Sequence.from_dict(${dict})
print(problem.evaluate(sequence))
`;
}

function isPlain(layout: Layout): boolean {
  const plain = plainLayout(layout.multiples.length);
  return (
    String(layout.multiples) === String(plain.multiples) &&
    String(layout.gradients) === String(plain.gradients) &&
    String(layout.kinds) === String(plain.kinds) &&
    JSON.stringify(layout.readouts.map(({ pulse, multiples, gradient }) => [pulse, multiples, gradient])) ===
      JSON.stringify(plain.readouts.map(({ pulse, multiples, gradient }) => [pulse, multiples, gradient])) &&
    !layout.steady
  );
}

/** Twelve digits undo the rounding of the conversion. */
function rounded(value: number): number {
  return Number(value.toPrecision(12)) || 0;
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
