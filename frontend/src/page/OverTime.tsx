/** The diagram and the curves below it, on one axis of time. */
import { useMemo } from "preact/hooks";
import type { Sequence } from "../engine/sequence";
import { type Axis, curveTimes } from "./axis";
import { Curves, Graph, TimeLabels } from "./Curves";
import { Diagram } from "./Diagram";
import { courses, graphOf } from "./measure";
import type { Edit, Problem } from "./model";

const N_TIMES = 200;

interface Props {
  problem: Problem;
  edit: Edit;
  axis: Axis;
  width: number;
  keepTr: boolean;
  /** Whose phase graph is shown. */
  tissue: number;
  highest: number;
  cursor: number;
  seek: (time: number) => void;
  change: (sequence: Sequence, gesture: string) => void;
  hold: (held: boolean) => void;
}

export function OverTime({ problem, edit, tissue, highest, keepTr, change, hold, ...frame }: Props) {
  const { axis, width } = frame;
  const times = useMemo(() => curveTimes(axis, N_TIMES), [axis]);
  const [transverse, along] = useMemo(
    () => columnsOf(problem, edit, courses(problem, edit, times), times),
    [problem, edit, times],
  );
  const states = useMemo(() => graphOf(problem, edit, tissue), [problem, edit, tissue]);
  const shared = { ...frame, times, looks: problem.tissues, high: highest };
  return (
    <>
      <Diagram sequence={edit.sequence} {...{ axis, width, keepTr, change, hold }} />
      <Curves {...shared} height={128} title="|Mxy|" columns={transverse} low={0} />
      <Curves {...shared} height={108} title="Mz" columns={along} low={-highest} />
      <Graph {...frame} height={150} states={states} sequence={edit.sequence} />
      <TimeLabels axis={axis} width={width} />
    </>
  );
}

function columnsOf(problem: Problem, edit: Edit, course: ReturnType<typeof courses>, times: number[]) {
  const n = problem.tissues.length;
  const column = (of: (at: number, tissue: number) => number) =>
    edit.tissues.map((_, tissue) => Float64Array.from(times, (_, time) => of(time * n + tissue, tissue)));
  const { real, imaginary, mz } = course;
  return [
    column((at, tissue) => edit.tissues[tissue].m0 * Math.hypot(real[at], imaginary[at])),
    column((at, tissue) => edit.tissues[tissue].m0 * mz[at]),
  ];
}
