/** Signal over b0 and b1 of sequences whose states b0 does no more than turn: ten times as fast as point by point. */
import { lanesOf, rotations } from "./pulses";
import { type Layout, type Sequence, timeOf } from "./sequence";
import { Run, type Signal, tablesOf, WIDTH } from "./simulate";
import { fieldGrid, type Voxels } from "./voxels";

/** Whether pulses take no time and the sequence is played once: then b0 changes the phases of its states alone. */
export function isTurnedByB0({ kinds, steady }: Layout): boolean {
  return !steady && kinds.every((name) => name === "hard");
}

/**
 * As `simulate` of `fieldGrid(voxel, b0, b1)`. One run for each b1 gives the states; each brings a readout its
 * amplitude turned by 2 pi b0 of the time that it has dephased until then.
 */
export function signalOverField(
  sequence: Sequence,
  voxel: Voxels,
  b0: Float64Array,
  b1: Float64Array,
): Signal {
  const { layout, delay } = sequence;
  const lanes = lanesOf(fieldGrid(voxel, Float64Array.of(0), b1), layout, {}, 1);
  const run = new Run(sequence, lanes, rotations(sequence, lanes, {}), tablesOf(layout));
  const size = b0.length * b1.length;
  const nReadouts = layout.readouts.length;
  const signal = {
    real: new Float64Array(nReadouts * size),
    imaginary: new Float64Array(nReadouts * size),
    nReadouts,
  };
  const turns = layout.readouts.map((_, r) => turnsOf(run, r, b0));
  for (let first = 0; first < b1.length; first += WIDTH) {
    run.begin(first);
    for (let k = 0; k < layout.multiples.length; k++) run.step(k);
    layout.readouts.forEach(({ pulse, multiples }, r) => {
      run.fillWait(timeOf(multiples, delay), sequence.phase[pulse], null, null);
      for (let point = 0; point < b0.length; point++) {
        addPoint(run, r, turns[r], point, r * size + point * b1.length + first, signal);
      }
    });
  }
  return signal;
}

type Turns = Record<"real" | "imaginary", Float64Array>;

/** exp(2 pi i b0 t) of each entry of a readout, by its time dephased with a sign; [b0 * entries + entry]. */
function turnsOf({ tables, sequence }: Run, r: number, b0: Float64Array): Turns {
  const { pulse, multiples } = sequence.layout.readouts[r];
  const times = tables.read[r].map(({ slot }) => {
    const name = tables.levels[pulse].names[Math.floor(slot / 3)].slice(1);
    return (slot % 3 ? -1 : 1) * timeOf(name, sequence.delay) + timeOf(multiples, sequence.delay);
  });
  const turns = {
    real: new Float64Array(b0.length * times.length),
    imaginary: new Float64Array(b0.length * times.length),
  };
  for (let at = 0; at < turns.real.length; at++) {
    const angle = 2 * Math.PI * b0[Math.floor(at / times.length)] * times[at % times.length];
    turns.real[at] = Math.cos(angle);
    turns.imaginary[at] = Math.sin(angle);
  }
  return turns;
}

function addPoint(run: Run, r: number, turns: Turns, point: number, at: number, signal: Signal): void {
  const entries = run.tables.read[r];
  const amplitude = run.amplitude[run.sequence.layout.readouts[r].pulse + 1];
  const { m0 } = run.lanes.voxels;
  for (let lane = 0; lane < run.width; lane++) {
    let real = 0;
    let imaginary = 0;
    for (let entry = 0; entry < entries.length; entry++) {
      const { slot, leaf } = entries[entry];
      const weight = run.weight[leaf * WIDTH + lane];
      const re = weight * amplitude[2 * slot * WIDTH + lane];
      const im = weight * amplitude[(2 * slot + 1) * WIDTH + lane];
      const cos = turns.real[point * entries.length + entry];
      const sin = turns.imaginary[point * entries.length + entry];
      real += cos * re - sin * im;
      imaginary += cos * im + sin * re;
    }
    const [tr, ti] = [run.wait.real[lane], run.wait.imaginary[lane]];
    const scale = m0[run.first + lane];
    signal.real[at + lane] = scale * (tr * real - ti * imaginary);
    signal.imaginary[at + lane] = scale * (tr * imaginary + ti * real);
  }
}
