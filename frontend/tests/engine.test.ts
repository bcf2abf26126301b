/** Closed forms. */
import { expect, test } from "vitest";
import { evolve } from "../src/engine/evolve";
import { signalOverField } from "../src/engine/field";
import { phaseGraph } from "../src/engine/phaseGraph";
import { type Layout, plainLayout, type Sequence } from "../src/engine/sequence";
import { magnitude, simulate } from "../src/engine/simulate";
import { makeTables } from "../src/engine/states";
import { fieldGrid, PROPERTIES, type Voxels } from "../src/engine/voxels";

const degrees = Math.PI / 180;

function voxel(given: Partial<Record<(typeof PROPERTIES)[number], number>>): Voxels {
  const usual = { m0: 1, t1: 0.8, t2: 0.09, t2Prime: 0.03, b1: 1, b0: 12, spread: 20, ...given };
  const columns = PROPERTIES.map((name) => [name, Float64Array.of(usual[name])]);
  return { ...Object.fromEntries(columns), tissue: Int32Array.of(0) };
}

function played(flip: number[], delay: number[], layout: Partial<Layout> = {}): Sequence {
  const phase = flip.map((_, at) => 0.7 * at);
  return {
    flip: flip.map((angle) => angle * degrees),
    phase,
    delay,
    layout: { ...plainLayout(flip.length), ...layout },
  };
}

test("a free induction decay loses by T2, T2' and the spread", () => {
  const [t, f] = [0.008, 20];
  const expected = Math.exp(-t / 0.09 - t / 0.03) * (Math.sin(2 * Math.PI * f * t) / (2 * Math.PI * f * t));
  expect(magnitude(simulate(played([90], [t]), voxel({})))[0]).toBeCloseTo(Math.abs(expected), 12);
});

test("a crushed spin echo is sin a sin²(b/2) E2, whatever b0", () => {
  const sequence = played([70, 150], [0.01, 0.01], {
    gradients: [1, 1],
    readouts: [{ pulse: 1, multiples: [0, 1], gradient: 1 }],
  });
  const expected = Math.sin(70 * degrees) * Math.sin(75 * degrees) ** 2 * Math.exp(-0.02 / 0.09);
  expect(magnitude(simulate(sequence, voxel({ b0: 33 })))[0]).toBeCloseTo(expected, 12);
});

test("a spoiled gradient echo in the steady state is Ernst's", () => {
  const sequence = played([30], [0.004, 0.196], {
    multiples: [[1, 1]],
    readouts: [{ pulse: 0, multiples: [1, 0], gradient: 0 }],
    steady: true,
  });
  const e1 = Math.exp(-0.2 / 0.8);
  const [sin, cos] = [Math.sin(30 * degrees), Math.cos(30 * degrees)];
  const expected = ((sin * (1 - e1)) / (1 - cos * e1)) * Math.exp(-0.004 / 0.09);
  const found = simulate(sequence, voxel({ t2Prime: Infinity, spread: 0 }));
  expect(magnitude(found)[0]).toBeCloseTo(expected, 12);
});

test("free delays have 3^(n-1) clocks, one crushed echo has one", () => {
  expect(makeTables(plainLayout(5)).leaves.length).toBe(81);
  const crushed = { ...plainLayout(2), gradients: [1, 1] };
  crushed.readouts = [{ pulse: 1, multiples: [0, 1], gradient: 1 }];
  expect(makeTables(crushed).leaves.length).toBe(1);
});

test("the magnetisation at the readout is the signal, and inverted magnetisation recovers", () => {
  const sequence = played([180, 90], [0.3, 0.007]);
  const own = voxel({ m0: 0.8 });
  const course = evolve(sequence, own, [0, 0.3 - 1e-9, 0.307]);
  expect(course.mz[0]).toBeCloseTo(-1, 12);
  expect(course.mz[1]).toBeCloseTo(1 - 2 * Math.exp(-0.3 / 0.8), 7);
  const signal = simulate(sequence, own);
  expect(0.8 * course.real[2]).toBeCloseTo(signal.real[0], 12);
  expect(0.8 * course.imaginary[2]).toBeCloseTo(signal.imaginary[0], 12);
});

test("what the states that a pulse finds bring adds up to the signal", () => {
  const sequence = played([170, 80, 130], [0.9, 0.006, 0.007]);
  const states = phaseGraph(sequence, voxel({ m0: 0.7 }));
  const signal = magnitude(simulate(sequence, voxel({})))[0];
  for (const pulse of [1, 2]) {
    const own = states.filter((state) => state.pulse === pulse);
    expect(own.reduce((sum, state) => sum + state.part, 0)).toBeCloseTo(signal, 12);
  }
});

test("over b0 and b1 it is what a simulation of every point gives, at every readout", () => {
  const sequence = played([50, 140, 80], [0.009, 0.014, 0.011], {
    gradients: [0, "spoiler", 0],
    readouts: [
      { pulse: 0, multiples: [0.5, 0, 0], gradient: 0 },
      { pulse: 2, multiples: [0, 0, 1], gradient: 0 },
    ],
  });
  const crushed = { ...sequence, layout: { ...sequence.layout, gradients: [2, 2, 1] } };
  const [b0, b1] = [
    Float64Array.of(-40, 0, 25),
    Float64Array.from({ length: 40 }, (_, at) => 0.8 + at / 100),
  ];
  for (const each of [played([50, 140, 80, 20], [0.009, 0.014, 0.011, 0.02]), sequence, crushed]) {
    const expected = simulate(each, fieldGrid(voxel({ m0: 0.7 }), b0, b1));
    const found = signalOverField(each, voxel({ m0: 0.7 }), b0, b1);
    for (const part of ["real", "imaginary"] as const) {
      expected[part].forEach((value, at) => {
        expect(found[part][at]).toBeCloseTo(value, 12);
      });
    }
  }
});
