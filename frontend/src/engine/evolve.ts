/** Magnetisation over time, as `Simulator.evolve`: the mean over the voxel with its crushers. */
import { type Kinds, lanesOf, placeWeight, rotations } from "./pulses";
import { momentAt, pulseTimes, type Sequence, timeOf } from "./sequence";
import { dephasing, Run, sinc, WIDTH } from "./simulate";
import { makeTables, type Name } from "./states";
import type { Voxels } from "./voxels";

/** Mx, My and Mz in units of M0; [time * nVoxels + voxel]. */
export interface Course {
  real: Float64Array;
  imaginary: Float64Array;
  mz: Float64Array;
}

/** States that are not averaged away at a time: their slots, clocks [s] and factors by crushers. */
interface Reading {
  slot: number;
  tau: number;
  factor: number;
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
  const tables = makeTables(sequence.layout, true);
  const run = new Run(sequence, lanes, rotations(sequence, lanes, kinds), tables);
  const size = times.length * voxels.m0.length;
  const course = {
    real: new Float64Array(size),
    imaginary: new Float64Array(size),
    mz: new Float64Array(size),
  };
  const starts = pulseTimes(sequence).slice(0, -1);
  for (let first = 0; first < lanes.voxels.m0.length; first += WIDTH) {
    run.begin(first);
    for (let k = 0; k < starts.length; k++) run.step(k);
    times.forEach((time, at) => {
      const pulse = Math.max(
        0,
        starts.findLastIndex((start) => start <= time),
      );
      addPoint(run, pulse, time - starts[pulse], at * voxels.m0.length, course);
    });
  }
  return course;
}

function addPoint(run: Run, pulse: number, since: number, at: number, course: Course): void {
  const { names } = run.tables.levels[pulse];
  const moment = momentAt(run.sequence, pulse, since);
  const transverse = names.flatMap((name, triple) => {
    const sides = name.every((part) => part === 0) ? [1] : [1, -1];
    return sides.flatMap((sign, side) => readings(3 * triple + side, name, sign, moment, run, since));
  });
  const along = names.flatMap((name, triple) => readings(3 * triple + 2, name, 1, 0, run, 0));
  run.fillWait(since, run.sequence.phase[pulse], run.pulses[pulse].after, null);
  const { voxels, places } = run.lanes;
  const inside = places.filter((place) => Math.abs(place) <= 0.5).length;
  for (let lane = 0; lane < run.width; lane++) {
    const global = run.first + lane;
    const voxel = at + Math.floor(global / places.length);
    const weigh = ({ tau, factor }: Reading) =>
      factor * dephasing(tau, voxels.t2Prime[global], voxels.spread[global]);
    let [real, imaginary, mz] = [0, 0, 0];
    const amplitude = run.amplitude[pulse + 1];
    for (const reading of transverse) {
      const weight = weigh(reading);
      real += weight * amplitude[2 * reading.slot * WIDTH + lane];
      imaginary += weight * amplitude[(2 * reading.slot + 1) * WIDTH + lane];
    }
    for (const reading of along) mz += weigh(reading) * amplitude[2 * reading.slot * WIDTH + lane];
    const [turnRe, turnIm] = [run.wait.real[lane], run.wait.imaginary[lane]];
    const weight = placeWeight(run.lanes);
    course.real[voxel] += weight * (turnRe * real - turnIm * imaginary);
    course.imaginary[voxel] += weight * (turnRe * imaginary + turnIm * real);
    if (Math.abs(places[global % places.length]) <= 0.5) {
      course.mz[voxel] += (1 + (mz - 1) * run.wait.decay[lane]) / inside;
    }
  }
}

/** None if a state has whole cycles over the voxel; Z(-name) is counted with Z(name). */
function readings(
  slot: number,
  name: Name,
  sign: number,
  moment: number,
  run: Run,
  since: number,
): Reading[] {
  const cycles = sign * name[0] + moment;
  if (cycles !== 0 && Number.isInteger(cycles)) return [];
  const both = slot % 3 === 2 && name.some((part) => part !== 0) ? 2 : 1;
  const tau = sign * timeOf(name.slice(1), run.sequence.delay) + since;
  return [{ slot, tau, factor: both * sinc(cycles) }];
}
