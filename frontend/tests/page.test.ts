/** Edits, their history, the axis of time, the texts that are copied, and spins beside the exact mean. */
import { expect, test } from "vitest";
import { evolve } from "../src/engine/evolve";
import { plainLayout, repetitionTime, type Sequence } from "../src/engine/sequence";
import { PROPERTIES, somePart, type Voxels } from "../src/engine/voxels";
import { curveTimes, makeAxis } from "../src/page/axis";
import { toCommand, toDict, toPython, toToml } from "../src/page/copy";
import { after, begun } from "../src/page/history";
import { errorOf } from "../src/page/measure";
import { withDelay, withGradient, withPhase, withRepetition } from "../src/page/model";
import { meanOf, offsets, spinsOf } from "../src/page/spins";

const FREE: Sequence = { flip: [1.5, 3], phase: [0, 0.5], delay: [0.007, 0.009], layout: plainLayout(2) };
const REPEATED: Sequence = {
  flip: [1.5, 3],
  phase: [0, 0],
  delay: [0.01, 0.01, 1],
  layout: {
    multiples: [
      [1, 0, 0],
      [0, 1, 1],
    ],
    gradients: [1, 1],
    kinds: ["hard", "hard"],
    readouts: [{ pulse: 1, multiples: [0, 1, 0], gradient: 1 }],
    steady: true,
  },
};

test("a kept TR is taken from the last delay, and no delay is below 0", () => {
  const longer = withDelay(REPEATED, 0, 0.03, true);
  expect(longer.delay).toEqual([0.03, 0.01, 0.98]);
  expect(repetitionTime(withDelay(REPEATED, 0, 0.03, false))).toBeCloseTo(1.04, 12);
  expect(withDelay(REPEATED, 0, 2, true)).toBe(REPEATED);
  expect(withDelay(REPEATED, 0, -1, false).delay[0]).toBe(0);
  expect(repetitionTime(withRepetition(REPEATED, 2.5))).toBeCloseTo(2.5, 12);
});

test("phases stay within a turn", () => {
  expect(withPhase(FREE, 0, 190).phase[0]).toBeCloseTo((-170 * Math.PI) / 180, 12);
  expect(withPhase(FREE, 0, -180).phase[0]).toBeCloseTo(Math.PI, 12);
});

test("a readout behind a crusher stays behind it", () => {
  const { layout } = withGradient(REPEATED, 1, 3);
  expect(layout.gradients).toEqual([1, 3]);
  expect(layout.readouts[0].gradient).toBe(3);
  expect(withGradient(FREE, 0, "spoiler").layout.gradients).toEqual(["spoiler", 0]);
});

test("a drag is one step, and what was taken back can be done again", () => {
  const edits = [FREE, REPEATED].map((sequence) => ({ sequence, tissues: [] }));
  let history = begun(edits[0]);
  history = after(history, { do: "edit", edit: edits[1], gesture: "drag 1" });
  history = after(history, { do: "edit", edit: { ...edits[1] }, gesture: "drag 1" });
  history = after(history, { do: "undo" });
  expect(history.now).toBe(edits[0]);
  expect(after(history, { do: "redo" }).now.sequence).toBe(REPEATED);
});

test("an axis follows time, stretched where delays differ much, and its times stay in order", () => {
  const axis = makeAxis(REPEATED);
  expect(axis.stretched).toBe(true);
  expect(makeAxis(FREE).stretched).toBe(false);
  expect(axis.time(axis.at(0.015))).toBeCloseTo(0.015, 12);
  expect(axis.at(axis.end)).toBeCloseTo(1, 12);
  const times = curveTimes(axis, 100);
  expect(times).toEqual([...times].sort((one, other) => one - other));
});

test("a dragged axis keeps the scale of the pieces before the drag", () => {
  const axis = makeAxis(FREE);
  const dragged = makeAxis(withDelay(FREE, 0, 0.0075, false), makeAxis({ ...FREE, delay: [0.007, 0.02] }));
  expect(dragged.at(0.0075) / 0.0075).toBeCloseTo(1 / 0.027, 9);
  expect(axis.at(0.016)).toBe(1);
});

test("only what is not plain has a layout", () => {
  expect(Object.keys(toDict(FREE))).toEqual(["flip_deg", "phase_deg", "delay_ms"]);
  expect(toDict(FREE).delay_ms).toEqual([7, 9]);
  expect(toToml(REPEATED)).toContain("[[layout.readouts]]\npulse = 1\nmultiples = [0,1,0]\ngradient = 1");
  expect(toPython(REPEATED, "a")).toContain('"steady": True');
  expect(toCommand(FREE, "my file.toml")).toContain("evaluate 'my file.toml' --flip-deg");
});

test("the mean of many spins is the exact one", () => {
  const values = { m0: 1, t1: 0.8, t2: 0.09, t2Prime: 0.03, b1: 0.9, b0: 12, spread: 20 };
  const columns = PROPERTIES.map((name) => [name, Float64Array.of(values[name])]);
  const voxel = { ...Object.fromEntries(columns), tissue: Int32Array.of(0) } as Voxels;
  const count = 20000;
  for (const [sequence, time] of [
    [FREE, 0.014],
    [REPEATED, 0.02],
  ] as const) {
    const spins = spinsOf(sequence, voxel, offsets(voxel, count), {})(time);
    const exact = evolve(sequence, voxel, [time]);
    const mean = meanOf(spins);
    expect(mean.x).toBeCloseTo(exact.real[0], 2);
    expect(mean.y).toBeCloseTo(exact.imaginary[0], 2);
    expect(mean.z).toBeCloseTo(exact.mz[0], 2);
  }
});

test("some voxels are the first of each tissue", () => {
  const columns = PROPERTIES.map((name) => [name, Float64Array.from({ length: 8 }, (_, at) => at)]);
  const voxels = { ...Object.fromEntries(columns), tissue: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1) } as Voxels;
  expect([...somePart(voxels, 2).t1]).toEqual([0, 1, 4, 5]);
  expect([...somePart(voxels, 1).t1]).toEqual([...voxels.t1]);
});

test("the error is that of the report's 41 x 41 points, however few there are", () => {
  // |x| at x of -1 to 1 in steps of 1/20 has the mean 2 (1 + ... + 20) / 20 / 41.
  for (const n of [41, 21, 11]) {
    const along = Float64Array.from({ length: n * n }, (_, at) => (2 * Math.floor(at / n)) / (n - 1));
    expect(errorOf(along, 41)).toBeCloseTo(21 / 41, 12);
  }
});
