/** Beside the curves: loss, signals, spins and robustness. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Sequence } from "../engine/sequence";
import { ofTissues } from "../engine/voxels";
import { Answer, Signals } from "./Answer";
import type { Look } from "./Curves";
import { useLoss } from "./hooks";
import { fieldOf, nominalSignals } from "./measure";
import { type Edit, editedVoxels, type Problem } from "./model";
import { Robustness } from "./Robustness";
import { Sphere } from "./Sphere";

// One of so many voxels counts while something moves, without and with slices; of the points of a map along
// each axis then and when it is at rest.
const ROUGH = { voxel: 16, point: 2, pointAtRest: 1 };
const ROUGH_SLICES = { voxel: 64, point: 8, pointAtRest: 2 };

interface Props {
  problem: Problem;
  edit: Edit;
  start: Edit;
  tissue: number;
  choose: (tissue: number) => void;
  highest: number;
  cursor: number;
  playing: boolean;
  toggle: () => void;
}

export function Aside({ problem, edit, start, tissue, choose, highest, ...played }: Props) {
  const looks: Look[] = problem.tissues;
  const rough = hasSlices(problem, edit.sequence) ? ROUGH_SLICES : ROUGH;
  const { loss, startLoss, settled } = useLoss(problem, edit, start, rough.voxel);
  const every = settled ? rough.pointAtRest : rough.point;
  const signals = useMemo(() => nominalSignals(problem, edit), [problem, edit]);
  const startSignals = useMemo(() => nominalSignals(problem, start), [problem, start]);
  const fields = useMemo(
    () => looks.map((_, at) => fieldOf(problem, edit, at, every)),
    [problem, edit, every, looks],
  );
  const voxel = useMemo(
    () => ofTissues(editedVoxels(problem, problem.nominal, edit.tissues), [tissue]),
    [problem, edit.tissues, tissue],
  );
  return (
    <>
      <Titled title="Loss">
        <Answer terms={problem.terms} start={startLoss} {...{ loss, settled, looks }} />
      </Titled>
      <Titled title="Signal at the readout">
        <Signals start={startSignals} {...{ looks, signals, loss, highest }} />
      </Titled>
      <Titled title="A voxel's spins">
        <TissueChoice {...{ looks, tissue, choose }} />
        <Sphere
          sequence={edit.sequence}
          look={looks[tissue]}
          kinds={problem.kinds}
          voxel={voxel}
          {...played}
        />
      </Titled>
      <Titled title="Robustness">
        <Robustness fields={fields} looks={looks} b0={problem.b0} b1={problem.b1} />
      </Titled>
    </>
  );
}

/** A section that is named by its title. */
export function Titled({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function TissueChoice({
  looks,
  tissue,
  choose,
}: {
  looks: Look[];
  tissue: number;
  choose: (at: number) => void;
}) {
  return (
    <fieldset class="choice">
      <legend class="hidden">Tissue of the spins and of the phase graph</legend>
      {looks.map((look, at) => (
        <label key={look.name} style={{ "--tissue": look.colour }}>
          <input type="radio" name="tissue" checked={at === tissue} onChange={() => choose(at)} />
          <span class="dot">{look.name}</span>
        </label>
      ))}
    </fieldset>
  );
}

function hasSlices(problem: Problem, { layout }: Sequence): boolean {
  return layout.kinds.some((name) => name !== "hard" && problem.kinds[name].sliceBandwidth > 0);
}
