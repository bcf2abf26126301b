/** Magnetisation over time, as `Simulator.evolve`: the mean over the voxel with its crushers. */
import { type Kinds, lanesOf, placeWeight, rotations } from "./pulses";
import { momentAt, pulseTimes, type Sequence, timeOf } from "./sequence";
import { dephasing, Run, sinc, tablesOf, WIDTH } from "./simulate";
import type { Name } from "./states";
import type { Voxels } from "./voxels";

/** Mx, My and Mz in units of M0; [time * nVoxels + voxel]. */
export interface Course {
  real: Float64Array;
  imaginary: Float64Array;
  mz: Float64Array;
}

/** States after a pulse: their slots, the time dephased [s] and the moment just after it. */
interface States {
  slot: Int32Array;
  tau: Float64Array;
  moment: Float64Array;
  /** 2 of a Z that stands for its conjugate, Z(-name), too. */
  count: Float64Array;
}

/**
 * Mxy and Mz of each voxel at times [s] from the first pulse, in their order; at that of a pulse just after it.
 * A crusher is played evenly up to a readout, and from there to the next pulse.
 */
export function evolve(
  sequence: Sequence,
  voxels: Voxels,
  times: number[],
  kinds: Kinds = {},
  nPlaces = 8,
): Course {
  const lanes = lanesOf(voxels, sequence.layout, kinds, nPlaces);
  const tables = tablesOf(sequence.layout, true);
  const run = new Run(sequence, lanes, rotations(sequence, lanes, kinds), tables);
  const size = times.length * voxels.m0.length;
  const course = {
    real: new Float64Array(size),
    imaginary: new Float64Array(size),
    mz: new Float64Array(size),
  };
  const starts = pulseTimes(sequence).slice(0, -1);
  const states = tables.levels.map(({ names }) => ({
    transverse: statesAfter(names, sequence.delay, false),
    along: statesAfter(names, sequence.delay, true),
  }));
  for (let first = 0; first < lanes.voxels.m0.length; first += WIDTH) {
    run.begin(first);
    for (let k = 0; k < starts.length; k++) run.step(k);
    times.forEach((time, at) => {
      const pulse = Math.max(
        0,
        starts.findLastIndex((start) => start <= time),
      );
      addPoint(run, states[pulse], pulse, time - starts[pulse], at * voxels.m0.length, course);
    });
  }
  return course;
}

function addPoint(
  run: Run,
  { transverse, along }: Record<"transverse" | "along", States>,
  pulse: number,
  since: number,
  at: number,
  course: Course,
): void {
  const moment = momentAt(run.sequence, pulse, since);
  run.fillWait(since, run.sequence.phase[pulse], run.pulses[pulse].after, null);
  const { places } = run.lanes;
  const inside = places.filter((place) => Math.abs(place) <= 0.5).length;
  const weight = placeWeight(run.lanes);
  for (let lane = 0; lane < run.width; lane++) {
    const global = run.first + lane;
    const voxel = at + Math.floor(global / places.length);
    const [real, imaginary] = sum(run, pulse, lane, transverse, since, moment);
    const [mz] = sum(run, pulse, lane, along, 0, 0);
    const [turnRe, turnIm] = [run.wait.real[lane], run.wait.imaginary[lane]];
    course.real[voxel] += weight * (turnRe * real - turnIm * imaginary);
    course.imaginary[voxel] += weight * (turnRe * imaginary + turnIm * real);
    if (Math.abs(places[global % places.length]) <= 0.5) {
      course.mz[voxel] += (1 + (mz - 1) * run.wait.decay[lane]) / inside;
    }
  }
}

/** Mean over the voxel some time and moment later; states with whole cycles over it are averaged away. */
function sum(run: Run, pulse: number, lane: number, states: States, since: number, more: number): number[] {
  const amplitude = run.amplitude[pulse + 1];
  const { t2Prime, spread } = run.lanes.voxels;
  const [t, f] = [t2Prime[run.first + lane], spread[run.first + lane]];
  let [real, imaginary] = [0, 0];
  for (let at = 0; at < states.slot.length; at++) {
    const cycles = states.moment[at] + more;
    if (cycles !== 0 && Number.isInteger(cycles)) continue;
    const weight = states.count[at] * sinc(cycles) * dephasing(states.tau[at] + since, t, f);
    const row = 2 * states.slot[at] * WIDTH + lane;
    real += weight * amplitude[row];
    imaginary += weight * amplitude[row + WIDTH];
  }
  return [real, imaginary];
}

/** F of both signs, or Z, after a pulse. */
function statesAfter(names: Name[], delay: number[], along: boolean): States {
  const found = names.flatMap((name, triple) => {
    const nameless = name.every((part) => part === 0);
    const signs = along || nameless ? [1] : [1, -1];
    return signs.map((sign, side) => ({
      slot: 3 * triple + (along ? 2 : side),
      tau: sign * timeOf(name.slice(1), delay),
      moment: sign * name[0],
      count: along && !nameless ? 2 : 1,
    }));
  });
  return {
    slot: Int32Array.from(found, (each) => each.slot),
    tau: Float64Array.from(found, (each) => each.tau),
    moment: Float64Array.from(found, (each) => each.moment),
    count: Float64Array.from(found, (each) => each.count),
  };
}
