/** What each state of the extended phase graph brings of |Mxy|, as `report.phase_graph`. */
import { type Kinds, lanesOf, placeWeight, rotations } from "./pulses";
import { type Layout, type Sequence, timeOf } from "./sequence";
import { Run, type Signal, simulate, tablesOf, WIDTH } from "./simulate";
import type { Voxels } from "./voxels";

/** States of equal dephasing from a pulse to the next. */
export interface State {
  pulse: number;
  transverse: boolean;
  /** Of the crushers just after the pulse, in their unit. */
  moment: number;
  /** Time dephased just after the pulse [s]. */
  clock: number;
  /** Magnitude just after the pulse in units of M0, where it is largest in a slice. */
  amplitude: number;
  /** Of |Mxy| that they bring to the next pulse or the readout, recovery until then included. */
  part: number;
}

/** Derivatives of |Mxy| by F(+), F(-), Z(+), Z(-) of each triple of a level; eight numbers a triple and lane. */
type Slopes = Float64Array;

/** Whether states differ by crusher moment; else by the time dephased. */
export function isCrushed({ gradients, readouts }: Layout): boolean {
  return [...gradients, ...readouts.map((each) => each.gradient)].some(
    (moment) => moment !== "spoiler" && moment > 0,
  );
}

/**
 * States of one voxel after each pulse. |Mxy|, the mean over the readouts, is a sum over the states that a pulse
 * finds and of what recovers after it; the part of a state F is Re(conj(d|Mxy|/dF) F).
 */
export function phaseGraph(sequence: Sequence, voxel: Voxels, kinds: Kinds = {}, nPlaces = 8): State[] {
  const { layout } = sequence;
  const lanes = lanesOf({ ...voxel, m0: Float64Array.of(1) }, layout, kinds, nPlaces);
  const run = new Run(sequence, lanes, rotations(sequence, lanes, kinds), tablesOf(layout, true));
  run.begin(0);
  for (let k = 0; k < sequence.flip.length; k++) run.step(k);
  const signal = simulate(sequence, { ...voxel, m0: Float64Array.of(1) }, kinds, nPlaces);
  const states: State[] = [];
  let slopes: Slopes | null = null;
  for (let k = sequence.flip.length - 1; k >= 0; k--) {
    slopes = slopesAfter(run, k, slopes, signal);
    states.unshift(...statesOf(run, k, slopes));
  }
  return merged(states, layout);
}

/** Slopes by the states just after pulse k, from those after the next. */
function slopesAfter(run: Run, k: number, next: Slopes | null, signal: Signal): Slopes {
  const slopes = new Float64Array(8 * run.tables.levels[k].names.length * WIDTH);
  if (next) passBack(run, k + 1, throughPulse(run, k + 1, next), slopes);
  run.sequence.layout.readouts.forEach((readout, r) => {
    if (readout.pulse === k) seed(run, r, signal, slopes);
  });
  return slopes;
}

/** Add the slopes of the magnitude of a readout. */
function seed(run: Run, r: number, signal: Signal, slopes: Slopes): void {
  const { pulse, multiples } = run.sequence.layout.readouts[r];
  const size = Math.hypot(signal.real[r], signal.imaginary[r]);
  if (size === 0) return;
  const scale = placeWeight(run.lanes) / (size * signal.nReadouts);
  const [sr, si] = [scale * signal.real[r], scale * signal.imaginary[r]];
  run.fillWait(
    timeOf(multiples, run.sequence.delay),
    run.sequence.phase[pulse],
    run.pulses[pulse].after,
    null,
  );
  for (const { slot, leaf } of run.tables.read[r]) {
    const at = (8 * Math.floor(slot / 3) + 2 * (slot % 3)) * WIDTH;
    for (let lane = 0; lane < run.width; lane++) {
      const weight = run.weight[leaf * WIDTH + lane];
      const [tr, ti] = [run.wait.real[lane], run.wait.imaginary[lane]];
      slopes[at + lane] += weight * (tr * sr + ti * si);
      slopes[at + WIDTH + lane] += weight * (tr * si - ti * sr);
    }
  }
}

/** Slopes by the states just before a pulse. */
function throughPulse(run: Run, k: number, after: Slopes): Slopes {
  const before = new Float64Array(after.length);
  const { names, origin } = run.tables.levels[k];
  for (let triple = 0; triple < names.length; triple++) {
    for (let lane = 0; lane < run.width; lane++) {
      const at = (part: number) => (8 * triple + part) * WIDTH + lane;
      const angle = run.pulses[k].angle[run.first + lane];
      const left = run.pulses[k].efficiency?.[run.first + lane] ?? 1;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const [stay, turn] = [(1 + cos) / 2, (1 - cos) / 2];
      for (const side of [0, 2]) {
        const other = triple === origin ? side : 2 - side;
        const [f, g] = [side, other].map((part) => [after[at(part)], after[at(part + 1)]]);
        const [z, y] = [side, other].map((part) => [left * after[at(4 + part)], left * after[at(5 + part)]]);
        before[at(side)] = stay * f[0] + turn * g[0] + (sin / 2) * (y[1] - z[1]);
        before[at(side + 1)] = stay * f[1] - turn * g[1] + (sin / 2) * (z[0] + y[0]);
        before[at(4 + side)] = cos * z[0] - sin * f[1];
        before[at(5 + side)] = cos * z[1] + sin * f[0];
      }
    }
  }
  return before;
}

/** Slopes by the states after pulse k - 1, of those before pulse k. */
function passBack(run: Run, k: number, from: Slopes, to: Slopes): void {
  const { names, source, origin } = run.tables.levels[k];
  const zero = 3 * run.tables.levels[k - 1].names.length;
  run.waitBefore(k);
  const add = (target: number, part: number, lane: number, real: number, imaginary: number) => {
    const [re, im] = [from[part * WIDTH + lane], from[(part + 1) * WIDTH + lane]];
    to[target * WIDTH + lane] += real * re + imaginary * im;
    to[(target + 1) * WIDTH + lane] += real * im - imaginary * re;
  };
  for (let triple = 0; triple < names.length; triple++) {
    const sides = triple === origin ? [0] : [0, 1];
    for (const side of sides) {
      const [transverse, along] = [source[3 * triple + side], source[3 * triple + 2]];
      for (let lane = 0; lane < run.width; lane++) {
        const { real, imaginary, decay } = run.wait;
        if (transverse !== zero) {
          const target = 8 * Math.floor(transverse / 3) + 2 * (transverse % 3);
          add(target, 8 * triple + 2 * side, lane, real[lane], imaginary[lane]);
        }
        if (along !== zero) {
          add(8 * Math.floor(along / 3) + 4 + 2 * side, 8 * triple + 4 + 2 * side, lane, decay[lane], 0);
        }
      }
    }
  }
}

function statesOf(run: Run, k: number, slopes: Slopes): State[] {
  const { names, origin } = run.tables.levels[k];
  const amplitude = run.amplitude[k + 1];
  const isLast = k === run.sequence.flip.length - 1;
  return names.flatMap((name, triple) => {
    const parts = triple === origin ? [0, 4] : [0, 2, 4, 6];
    return parts.map((part) => {
      const slot = 3 * triple + (part >= 4 ? 2 : part / 2);
      const [row, slope] = [2 * slot * WIDTH, (8 * triple + part) * WIDTH];
      const sign = part % 4 === 2 ? -1 : 1;
      let [largest, sum] = [0, 0];
      for (let lane = 0; lane < run.width; lane++) {
        const conjugate = part === 6 ? -1 : 1; // Z(-name) is the conjugate of Z(name)
        const [re, im] = [amplitude[row + lane], conjugate * amplitude[row + WIDTH + lane]];
        const grows = part === 4 && triple === origin && !isLast;
        const recovery = grows ? Math.expm1(run.interval[k] / run.lanes.voxels.t1[run.first + lane]) : 0;
        largest = Math.max(largest, Math.hypot(re, im));
        sum += slopes[slope + lane] * (re + recovery) + slopes[slope + WIDTH + lane] * im;
      }
      return {
        pulse: k,
        transverse: part < 4,
        moment: sign * name[0],
        clock: sign * timeOf(name.slice(1), run.sequence.delay),
        amplitude: largest,
        part: sum,
      };
    });
  });
}

/** Those of one pulse, kind and dephasing as one, with the clock and amplitude of the largest. */
function merged(states: State[], layout: Layout): State[] {
  const crushed = isCrushed(layout);
  const groups = new Map<string, State[]>();
  for (const state of states) {
    const clock = crushed ? 0 : Math.round(1e9 * state.clock);
    const key = [state.pulse, state.transverse, state.moment, clock].join();
    groups.set(key, [...(groups.get(key) ?? []), state]);
  }
  return [...groups.values()].map((like) => {
    const largest = like.reduce((best, state) => (state.amplitude > best.amplitude ? state : best));
    return { ...largest, part: like.reduce((sum, state) => sum + state.part, 0) };
  });
}
