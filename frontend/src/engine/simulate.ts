/**
 * The exact signal of many voxels: a table of states, pulses and waits from level to level, a weighted sum at
 * each readout, and for the steady state a fixed point. The same formulas as `engines.configurations`; see
 * there for the signs.
 *
 * Each pulse is seen from a frame turned by its phase, so that it mixes with real numbers; the change of frame
 * and a pulse's own turns about z join the turn of the delay before or after it.
 */
import { type Kinds, type Lanes, lanesOf, placeWeight, type Rotation, rotations } from "./pulses";
import { intervals, type Layout, type Sequence, timeOf } from "./sequence";
import { type Entry, type Level, makeTables, type Tables } from "./states";
import type { Voxels } from "./voxels";

export const WIDTH = 32; // lanes of a block, whose amplitudes stay in the cache

/** Mx + i My of each readout and voxel, in the unit of m0; [readout * nVoxels + voxel]. */
export interface Signal {
  real: Float64Array;
  imaginary: Float64Array;
  nReadouts: number;
}

/** Factors of an interval in each lane: of F, exp(-t/T2 + i turn), and of Z, exp(-t/T1). */
export interface Wait {
  real: Float64Array;
  imaginary: Float64Array;
  decay: Float64Array;
}

const known = new Map<string, Tables>();

/** Signal of a sequence. */
export function simulate(sequence: Sequence, voxels: Voxels, kinds: Kinds = {}, nPlaces = 8): Signal {
  const { layout } = sequence;
  const lanes = lanesOf(voxels, layout, kinds, nPlaces);
  const run = new Run(sequence, lanes, rotations(sequence, lanes, kinds), tablesOf(layout));
  const nReadouts = layout.readouts.length;
  const size = nReadouts * voxels.m0.length;
  const signal = { real: new Float64Array(size), imaginary: new Float64Array(size), nReadouts };
  for (let first = 0; first < lanes.voxels.m0.length; first += WIDTH) {
    run.begin(first);
    for (let k = 0; k < layout.multiples.length; k++) {
      run.step(k);
      layout.readouts.forEach((readout, r) => {
        if (readout.pulse === k) run.read(r, signal);
      });
    }
  }
  return signal;
}

/** Magnitude of each readout and voxel. */
export function magnitude({ real, imaginary }: Signal): Float64Array {
  return real.map((part, at) => Math.sqrt(part * part + imaginary[at] * imaginary[at]));
}

/** Mean of exp(2 pi i f tau) over the frequencies of a voxel: exp(-|tau|/T2') sinc(2 spread tau). */
export function dephasing(tau: number, t2Prime: number, spread: number): number {
  return Math.exp(-Math.abs(tau) / t2Prime) * sinc(2 * spread * tau);
}

export function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Tables of a layout, of all states or of those that are read; those of some layouts are kept. */
export function tablesOf(layout: Layout, all = false): Tables {
  const key = JSON.stringify([all, layout.multiples, layout.gradients, layout.readouts, layout.steady]);
  let tables = known.get(key);
  if (!tables) {
    if (known.size > 64) known.clear();
    tables = makeTables(layout, all);
    known.set(key, tables);
  }
  return tables;
}

/**
 * One sequence over all its lanes, block by block: `begin`, then `step` through each pulse. The amplitudes just
 * after pulse k, in the frame of its phase and before its own turn, are `amplitude[k + 1]`: of each slot a row
 * of real and a row of imaginary parts.
 */
export class Run {
  private readonly nPulses: number;
  readonly interval: number[];
  private readonly tau: number[];
  private readonly cos = new Float64Array(WIDTH);
  private readonly sin = new Float64Array(WIDTH);
  readonly wait: Wait = newWait();
  readonly weight: Float64Array;
  readonly amplitude: Float64Array[];
  private readonly start = new Float64Array(WIDTH);
  private readonly mean = new Float64Array(WIDTH);
  first = 0;
  width = 0;

  constructor(
    readonly sequence: Sequence,
    readonly lanes: Lanes,
    readonly pulses: Rotation[],
    readonly tables: Tables,
  ) {
    this.nPulses = sequence.flip.length;
    this.interval = intervals(sequence);
    this.tau = tables.leaves.map((multiples) => timeOf(multiples, sequence.delay));
    this.weight = new Float64Array(tables.leaves.length * WIDTH);
    const slots = [3, ...tables.levels.map((level) => 3 * level.names.length)];
    this.amplitude = slots.map((count) => new Float64Array(2 * (count + 1) * WIDTH));
  }

  /** Turn to the lanes from `first` on, before the first pulse. */
  begin(first: number): void {
    this.first = first;
    this.width = Math.min(WIDTH, this.lanes.voxels.m0.length - first);
    this.weigh();
    this.start.fill(1);
    if (this.sequence.layout.steady) this.settle();
  }

  /** Weight of each clock in each lane; lanes of equal dephasing share it. */
  private weigh(): void {
    const { t2Prime, spread } = this.lanes.voxels;
    for (let lane = 0; lane < this.width; lane++) {
      const at = this.first + lane;
      const same = lane > 0 && t2Prime[at] === t2Prime[at - 1] && spread[at] === spread[at - 1];
      for (let leaf = 0; leaf < this.tau.length; leaf++) {
        const place = leaf * WIDTH + lane;
        const own = same ? this.weight[place - 1] : dephasing(this.tau[leaf], t2Prime[at], spread[at]);
        this.weight[place] = own;
      }
    }
  }

  /** Mz at the start of the steady state: Mz at the end is a Mz + b, so that it is b / (1 - a). */
  private settle(): void {
    const none = this.endFrom(0).slice();
    const whole = this.endFrom(1);
    for (let lane = 0; lane < this.width; lane++) {
      this.start[lane] = none[lane] / (1 - (whole[lane] - none[lane]));
    }
  }

  /** Mean Mz at the end of a repetition that begins with some Mz. */
  private endFrom(mz: number): Float64Array {
    this.start.fill(mz);
    for (let k = 0; k < this.nPulses; k++) this.step(k);
    const last = this.nPulses - 1;
    const { origin } = this.tables.levels[last];
    this.mean.fill(0);
    for (const { slot, leaf } of this.tables.end) {
      const both = slot === 3 * origin + 2 ? 1 : 2; // Z(-name) is the conjugate of Z(name)
      for (let lane = 0; lane < this.width; lane++) {
        const z = this.amplitude[this.nPulses][2 * slot * WIDTH + lane];
        this.mean[lane] += both * this.weight[leaf * WIDTH + lane] * z;
      }
    }
    for (let lane = 0; lane < this.width; lane++) {
      const decay = Math.exp(-this.interval[last] / this.lanes.voxels.t1[this.first + lane]);
      this.mean[lane] = 1 + decay * (this.mean[lane] - 1);
    }
    return this.mean;
  }

  /** Through the interval before pulse k and the pulse. */
  step(k: number): void {
    const level = this.tables.levels[k];
    const before = this.amplitude[k];
    if (k === 0) before.set(this.start, 4 * WIDTH);
    this.waitBefore(k);
    const { angle } = this.pulses[k];
    for (let lane = 0; lane < this.width; lane++) {
      this.cos[lane] = Math.cos(angle[this.first + lane]);
      this.sin[lane] = Math.sin(angle[this.first + lane]);
    }
    this.mix(level, before, this.amplitude[k + 1]);
    this.lose(level, this.pulses[k].efficiency, this.amplitude[k + 1]);
  }

  /** What a pulse of fixed amplitude leaves of Z. */
  private lose(level: Level, efficiency: Float64Array | null, amplitude: Float64Array): void {
    if (!efficiency) return;
    for (let triple = 0; triple < level.names.length; triple++) {
      const at = (6 * triple + 4) * WIDTH;
      for (let lane = 0; lane < this.width; lane++) {
        amplitude[at + lane] *= efficiency[this.first + lane];
        amplitude[at + WIDTH + lane] *= efficiency[this.first + lane];
      }
    }
  }

  /** The interval from pulse k - 1 to pulse k: nothing before the first. */
  waitBefore(k: number): void {
    const { phase } = this.sequence;
    const time = k ? this.interval[k - 1] : 0;
    const frame = k ? phase[k - 1] - phase[k] : 0;
    this.fillWait(time, frame, k ? this.pulses[k - 1].after : null, this.pulses[k].before);
  }

  /** Factors of a time, a turn of all and a pulse's own turns. */
  fillWait(time: number, frame: number, after: Float64Array | null, before: Float64Array | null): void {
    const { t1, t2, b0 } = this.lanes.voxels;
    for (let lane = 0; lane < this.width; lane++) {
      const at = this.first + lane;
      const turn = 2 * Math.PI * b0[at] * time + frame + (after ? after[at] : 0) + (before ? before[at] : 0);
      const size = Math.exp(-time / t2[at]);
      this.wait.real[lane] = size * Math.cos(turn);
      this.wait.imaginary[lane] = size * Math.sin(turn);
      this.wait.decay[lane] = Math.exp(-time / t1[at]);
    }
  }

  /**
   * Each triple of a level from the one before. A pulse about x leaves U = F(+) + F(-)* alone and turns only
   * V = F(+) - F(-)* and Z: V' = V cos - 2i sin Z, Z' = Z cos - i/2 sin V. Plain numbers one by one take half
   * the time of pairs.
   */
  private mix(level: Level, from: Float64Array, to: Float64Array): void {
    const { cos, sin, width } = this;
    const { real, imaginary, decay } = this.wait;
    for (let triple = 0; triple < level.names.length; triple++) {
      const plus = 2 * WIDTH * level.source[3 * triple];
      const minus = 2 * WIDTH * level.source[3 * triple + 1];
      const along = 2 * WIDTH * level.source[3 * triple + 2];
      const recovers = triple === level.origin ? 1 : 0;
      const at = 6 * triple * WIDTH;
      for (let lane = 0; lane < width; lane++) {
        const pr = from[plus + lane];
        const pi = from[plus + WIDTH + lane];
        const mr = from[minus + lane];
        const mi = from[minus + WIDTH + lane];
        const tr = real[lane];
        const ti = imaginary[lane];
        const e1 = decay[lane];
        const c = cos[lane];
        const s = sin[lane];
        const zr = e1 * from[along + lane] + recovers * (1 - e1);
        const zi = e1 * from[along + WIDTH + lane];
        const fr = tr * pr - ti * pi;
        const fi = tr * pi + ti * pr;
        const gr = tr * mr - ti * mi;
        const gi = -(tr * mi + ti * mr);
        const ur = fr + gr;
        const ui = fi + gi;
        const vr = fr - gr;
        const vi = fi - gi;
        const wr = c * vr + 2 * s * zi;
        const wi = c * vi - 2 * s * zr;
        to[at + lane] = 0.5 * (ur + wr);
        to[at + WIDTH + lane] = 0.5 * (ui + wi);
        to[at + 2 * WIDTH + lane] = 0.5 * (ur - wr);
        to[at + 3 * WIDTH + lane] = 0.5 * (wi - ui);
        to[at + 4 * WIDTH + lane] = c * zr + 0.5 * s * vi;
        to[at + 5 * WIDTH + lane] = c * zi - 0.5 * s * vr;
      }
    }
  }

  /** Add the signal of a readout, as the sum over places. */
  read(r: number, signal: Signal): void {
    const { pulse, multiples } = this.sequence.layout.readouts[r];
    const time = timeOf(multiples, this.sequence.delay);
    this.fillWait(time, this.sequence.phase[pulse], this.pulses[pulse].after, null);
    const { m0 } = this.lanes.voxels;
    const nPlaces = this.lanes.places.length;
    const first = r * (m0.length / nPlaces);
    for (let lane = 0; lane < this.width; lane++) {
      const [re, im] = this.sum(this.tables.read[r], this.amplitude[pulse + 1], lane);
      const { real, imaginary } = this.wait;
      const scale = m0[this.first + lane] * placeWeight(this.lanes);
      const at = first + Math.floor((this.first + lane) / nPlaces);
      signal.real[at] += scale * (real[lane] * re - imaginary[lane] * im);
      signal.imaginary[at] += scale * (real[lane] * im + imaginary[lane] * re);
    }
  }

  private sum(entries: Entry[], amplitude: Float64Array, lane: number): [number, number] {
    let [real, imaginary] = [0, 0];
    for (const { slot, leaf } of entries) {
      const weight = this.weight[leaf * WIDTH + lane];
      real += weight * amplitude[2 * slot * WIDTH + lane];
      imaginary += weight * amplitude[(2 * slot + 1) * WIDTH + lane];
    }
    return [real, imaginary];
  }
}

function newWait(): Wait {
  return {
    real: new Float64Array(WIDTH),
    imaginary: new Float64Array(WIDTH),
    decay: new Float64Array(WIDTH),
  };
}
