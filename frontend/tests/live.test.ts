/** A task's form, words and strip. */
import { expect, test } from "vitest";
import { plainLayout } from "../src/engine/sequence";
import type { Status } from "../src/live/follow";
import { formOf, quantityText, readQuantity, renamed, tablesOf } from "../src/live/form";
import { places } from "../src/live/Strip";
import { sameFamily } from "../src/live/swap";
import { countWords, timeWords } from "../src/live/words";

const TABLES = {
  name: "mine",
  title: "A title",
  tissues: {
    GM: { m0: 0.8, t1_ms: { mean: 1331, sd: 57 }, t2_ms: 110, t2_star_ms: 50 },
    "<script>": { m0: 1, t1_ms: "inf", t2_ms: 80, t2_prime_ms: "inf", b0_hz: -440 },
  },
  imaging: { b1: { low: 0.8, high: 1.2 }, b0_hz: 0, spread_hz: 30 },
  objective: [
    { term: "contrast", weight: 1, tissues: ["GM", "<script>"], brighter: "GM", worst_share: 0.05 },
    { term: "rf_energy", weight: 1e-4 },
  ],
  search_space: { max_rf: 3, flip_range_deg: [0, 180], max_flip_deg: "inf", wait_ranges_ms: [[1, 10]] },
  limits: { n_rf: 2 },
};

test.each([
  ["110", 110],
  ["-50.5", -50.5],
  ["1e-3", 0.001],
  [".5", 0.5],
  ["inf", "inf"],
  ["∞", "inf"],
  ["110 ± 9", { mean: 110, sd: 9 }],
  ["110+-9", { mean: 110, sd: 9 }],
  [" 0.8 to 1.2 ", { low: 0.8, high: 1.2 }],
  ["-50 to 50", { low: -50, high: 50 }],
  ["-50 – -20", { low: -50, high: -20 }],
  ["0,8", "0,8"],
  ["", ""],
  ["110 9", "110 9"],
])("%s is read", (text, value) => {
  expect(readQuantity(text)).toEqual(value);
});

test("what a form shows is read as it was", () => {
  for (const value of [110, -0.5, { mean: 1331, sd: 57 }, { low: -50, high: 50 }, "inf"]) {
    expect(readQuantity(quantityText(value))).toEqual(value);
  }
});

test("a form that is not edited states the same task, with what it does not show", () => {
  expect(tablesOf(formOf(TABLES))).toEqual(TABLES);
});

test("what is left out stays so", () => {
  const form = formOf(TABLES);
  const tissues = form.tissues.with(0, { ...form.tissues[0], texts: { ...form.tissues[0].texts, m0: " " } });
  const stated = tablesOf({ ...form, tissues }).tissues as Record<string, object>;
  expect(stated.GM).not.toHaveProperty("m0");
  expect(stated["<script>"]).toHaveProperty("m0");
});

test("a tissue of another name has it in the terms too", () => {
  const [term] = renamed(formOf(TABLES), 0, "grey").terms;
  expect(term.tissues).toEqual(["grey", "<script>"]);
  expect(term.brighter).toBe("grey");
});

test("two tissues of one name are told", () => {
  expect(() => tablesOf(renamed(formOf(TABLES), 0, "<script>"))).toThrow("two tissues are named '<script>'");
});

test("the best loss stands left, what lies far above the rest at the right end", () => {
  const { at, least, bound } = places([0.02, 0.01, 0.011, 0.012, 5]);
  expect(least).toBe(0.01);
  expect(at[1]).toBe(0);
  expect(at[4]).toBe(1);
  expect(Math.min(...at)).toBe(0);
  expect(bound).toBeGreaterThan(0);
  expect(places([0.01]).at).toEqual([0]);
  expect(places([-0.2, -0.1]).at[0]).toBe(0);
  expect(places([0, 0]).at).toEqual([0, 0]);
});

test("counts and times in words", () => {
  const status = { state: "running", message: "", results: "", done: 1, total: 1, failed: 0, loss: -0.01 };
  expect(countWords(status as Status)).toBe("1 of 1 seed; best loss −0.01000");
  expect(countWords({ ...status, done: 2, total: 9, failed: 1, loss: null } as Status)).toBe(
    "2 of 9 seeds, 1 failed",
  );
  expect(timeWords(59.7)).toBe("1:00");
  expect(timeWords(3723)).toBe("1:02:03");
});

test("a design is the same with a few degrees and per cent more, whatever its phases", () => {
  const one = { flip: [1.5, 3], phase: [0, 1], delay: [0.01, 0.5], layout: plainLayout(2) };
  const spoiled = { ...plainLayout(2), gradients: ["spoiler" as const, 0] };
  expect(sameFamily(one, { ...one, flip: [-1.6, 3], phase: [0, 2], delay: [0.011, 0.5] })).toBe(true);
  expect(sameFamily(one, { ...one, flip: [1.7, 3] })).toBe(false);
  expect(sameFamily(one, { ...one, delay: [0.012, 0.5] })).toBe(false);
  expect(sameFamily(one, { ...one, layout: spoiled })).toBe(false);
  expect(sameFamily(one, { ...one, flip: [1.5], delay: [0.01], layout: plainLayout(1) })).toBe(false);
});
