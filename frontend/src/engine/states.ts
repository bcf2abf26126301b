/**
 * Tables of the states that a layout can reach: the extended phase graph, whose shift is data.
 *
 * A state is named by whole numbers: the crusher moment and how often it has gained each delay, with a sign. A
 * pulse mixes F(+name), F(-name) and Z(+name), a triple; the interval after it moves every F on by its own
 * name. States of one name are one, and those that reach no readout are left out: both are exact. What a
 * spoiler dephases is lost. It is `sequence_search.engines.kernel.states`, with Z(0) as a state like others.
 */
import type { Layout } from "./sequence";

export type Name = number[];

/** Where a sum finds an amplitude, and the clock that weighs it. */
export interface Entry {
  slot: number;
  leaf: number;
}

/**
 * States just after a pulse. Slots 3 t, 3 t + 1, 3 t + 2 are F(+name), F(-name), Z(+name) of triple t, and
 * the slot after them is always zero; `source` is the slot one level back that each comes from.
 */
export interface Level {
  names: Name[];
  source: Int32Array;
  /** Triple of the name of zeros, whose Z recovers; -1 if no readout needs it. */
  origin: number;
}

export interface Tables {
  levels: Level[];
  /** What each readout sums, in the order of the layout. */
  read: Entry[][];
  /** Z that count as the mean Mz at the end of a repetition. */
  end: Entry[];
  /** Multiples of the delays whose sums are the clocks. */
  leaves: number[][];
}

/** Tables of a layout, of all states or of those that reach a readout. */
export function makeTables(layout: Layout, all = false): Tables {
  const steps = layout.gradients.map((gradient, k) =>
    gradient === "spoiler" ? null : [gradient, ...layout.multiples[k]],
  );
  const names = all ? reached(layout, steps) : wanted(layout, steps, reached(layout, steps));
  const levels = names.map((each, k) => makeLevel(each, k ? names[k - 1] : null, steps[k - 1] ?? null));
  const leaves = new Leaves();
  const read = layout.readouts.map(({ pulse, multiples, gradient }) =>
    transverseEntries(names[pulse], [gradient, ...multiples], leaves),
  );
  const end = layout.steady ? longitudinalEntries(names[names.length - 1], leaves) : [];
  return { levels, read, end, leaves: leaves.list };
}

/** The name or its negative: that whose last part beside zeros is positive. */
export function unsigned(name: Name): Name {
  return (name.findLast((part) => part !== 0) ?? 0) < 0 ? negative(name) : name;
}

export function negative(name: Name): Name {
  return name.map((part) => -part || 0);
}

function add(name: Name, other: Name): Name {
  return name.map((part, at) => part + other[at]);
}

/** Triples of each level that can be there. */
function reached(layout: Layout, steps: (Name | null)[]): Name[][] {
  const nameless = Array<number>(layout.multiples[0].length + 1).fill(0);
  const levels = [new Map([[String(nameless), nameless]])];
  for (const step of steps.slice(0, -1)) {
    const last = levels[levels.length - 1];
    const next = new Map(last);
    for (const name of last.values()) for (const moved of targets(name, step)) next.set(String(moved), moved);
    levels.push(next);
  }
  return levels.map((level) => [...level.values()]);
}

/** Those of them that reach a readout or the end of a repetition. */
function wanted(layout: Layout, steps: (Name | null)[], levels: Name[][]): Name[][] {
  let next = new Set<string>();
  const kept: Name[][] = [];
  for (let k = levels.length - 1; k >= 0; k--) {
    const moments = layout.readouts.filter((each) => each.pulse === k).map((each) => each.gradient);
    const atEnd = layout.steady && k === levels.length - 1;
    const step = k < levels.length - 1 ? steps[k] : null;
    const isWanted = (name: Name) =>
      moments.includes(Math.abs(name[0])) ||
      (atEnd && name[0] === 0) ||
      next.has(String(name)) ||
      targets(name, step).some((moved) => next.has(String(moved)));
    kept.unshift(levels[k].filter(isWanted));
    next = new Set(kept[0].map(String));
  }
  return kept;
}

/** Triples that F(+name) and F(-name) go to. */
function targets(name: Name, step: Name | null): Name[] {
  return step ? [unsigned(add(name, step)), unsigned(add(negative(name), step))] : [];
}

function makeLevel(names: Name[], before: Name[] | null, step: Name | null): Level {
  const origin = names.findIndex((name) => name.every((part) => part === 0));
  const where = new Map((before ?? []).map((name, at) => [String(name), at]));
  const zero = 3 * (before?.length ?? 1);
  const slotOf = (name: Name) => {
    const triple = where.get(String(unsigned(name)));
    return triple === undefined ? zero : 3 * triple + Number(String(unsigned(name)) !== String(name));
  };
  const back = step && negative(step);
  const source = names.flatMap((name) => {
    if (!before) return [zero, zero, 2]; // of the start, which is Z alone
    const same = where.get(String(name));
    const along = same === undefined ? zero : 3 * same + 2;
    return back ? [slotOf(add(name, back)), slotOf(add(negative(name), back)), along] : [zero, zero, along];
  });
  return { names, source: Int32Array.from(source), origin };
}

/** F whose moment a readout undoes. */
function transverseEntries(names: Name[], until: Name, leaves: Leaves): Entry[] {
  const entries: Entry[] = [];
  names.forEach((name, triple) => {
    const signs = name.every((part) => part === 0) ? [name] : [name, negative(name)];
    signs.forEach((signed, side) => {
      const total = add(signed, until);
      if (total[0] === 0) entries.push({ slot: 3 * triple + side, leaf: leaves.numberOf(total.slice(1)) });
    });
  });
  return entries;
}

function longitudinalEntries(names: Name[], leaves: Leaves): Entry[] {
  return names.flatMap((name, triple) =>
    name[0] === 0 ? [{ slot: 3 * triple + 2, leaf: leaves.numberOf(name.slice(1)) }] : [],
  );
}

/** Different clocks, of which a negative is the same, since dephasing is even. */
class Leaves {
  readonly list: number[][] = [];
  private readonly numbers = new Map<string, number>();

  numberOf(multiples: number[]): number {
    const key = String(unsigned(multiples));
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    this.list.push(multiples);
    this.numbers.set(key, this.list.length - 1);
    return this.list.length - 1;
  }
}
