/** Against `sequence_search`, on the cases that `tests/test_page_engine.py` writes. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { evolve } from "../src/engine/evolve";
import { isCrushed, phaseGraph } from "../src/engine/phaseGraph";
import type { Kinds } from "../src/engine/pulses";
import { type PackedVoxels, readVoxels } from "../src/engine/read";
import type { Sequence } from "../src/engine/sequence";
import { simulate } from "../src/engine/simulate";
import { lossParts, type Term } from "../src/engine/terms";

interface Case {
  number: number;
  sequence: Sequence;
  voxels: PackedVoxels;
  terms: Term[];
  signal: number[][];
  parts: number[];
  times: number[];
  course: number[][];
  graph: { voxel: PackedVoxels; states: number[][] } | null;
}

const file = process.env.AGREEMENT;
const TOLERANCE = 1e-9;

test.skipIf(!file)("signals, losses, courses and phase graphs agree", { timeout: 300_000 }, () => {
  const { kinds, nPlaces, cases } = JSON.parse(readFileSync(file as string, "utf8"));
  const worst = { signal: 0, parts: 0, course: 0, graph: 0 };
  for (const each of cases as Case[]) {
    const { sequence } = each;
    const voxels = readVoxels(each.voxels);
    const signal = simulate(sequence, voxels, kinds, nPlaces);
    note(worst, "signal", each, [...signal.real, ...signal.imaginary], each.signal.flat());
    note(worst, "parts", each, lossParts(each.terms, signal, sequence, voxels, kinds), each.parts);
    const { real, imaginary, mz } = evolve(sequence, voxels, each.times, kinds, nPlaces);
    note(worst, "course", each, [...real, ...imaginary, ...mz], each.course.flat());
    if (each.graph) noteGraph(worst, each, kinds);
  }
  console.log(`largest differences of ${cases.length} cases: ${JSON.stringify(worst)}`);
});

function note(
  worst: Record<string, number>,
  what: string,
  { number }: Case,
  mine: number[],
  theirs: number[],
) {
  expect(mine.length, `${what} of case ${number}`).toBe(theirs.length);
  mine.forEach((value, at) => {
    const difference = Math.abs(value - theirs[at]);
    worst[what] = Math.max(worst[what], difference);
    expect(difference, `${what} ${at} of case ${number}: ${value}, ${theirs[at]}`).toBeLessThan(TOLERANCE);
  });
}

/** Those of one moment are one with crushers, whichever clock stands for them. */
function noteGraph(worst: Record<string, number>, each: Case, kinds: Kinds) {
  const { voxel, states } = each.graph as NonNullable<Case["graph"]>;
  const crushed = isCrushed(each.sequence.layout);
  const nameOf = (pulse: number, transverse: number, moment: number, clock: number) =>
    [pulse, transverse, moment, crushed ? 0 : Math.round(1e9 * clock)].join();
  const found = new Map(
    phaseGraph(each.sequence, readVoxels(voxel), kinds).map((state) => [
      nameOf(state.pulse, +state.transverse, state.moment, state.clock),
      state,
    ]),
  );
  for (const [pulse, transverse, moment, clock, amplitude, part] of states) {
    const state = found.get(nameOf(pulse, +transverse, moment, clock));
    note(worst, "graph", each, [state?.part ?? 0, state?.amplitude ?? 0], [part, amplitude]);
  }
}
