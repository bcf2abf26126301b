/** A sequence to take hold of, and all that follows from it. */
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import type { Sequence } from "../engine/sequence";
import { ofTissues } from "../engine/voxels";
import { Answer, Signals } from "./Answer";
import { type Axis, curveTimes, makeAxis } from "./axis";
import { Curves, Graph, type Look, TimeLabels } from "./Curves";
import { toCommand, toJson, toPython, toToml } from "./copy";
import { Diagram } from "./Diagram";
import { type Action, after, begun } from "./history";
import { courses, fieldOf, graphOf, type Loss, nominalSignals, roughLoss, wholeLoss } from "./measure";
import { type Edit, editedVoxels, type Problem, startOf } from "./model";
import { Robustness } from "./Robustness";
import { Sphere } from "./Sphere";
import { Numbers, Tissues } from "./Tables";

const SETTLED_AFTER = 160; // ms without an edit
// Every so-many-th voxel, and point of a map, counts while something moves, without and with slices.
const ROUGH = { voxel: 16, point: 1 };
const ROUGH_SLICES = { voxel: 64, point: 4 };
const N_TIMES = 200;
const PLAYED_FOR = 7; // s, from the first pulse to the end

interface Props {
  problem: Problem;
  sequence: Sequence;
}

export function Playground({ problem, sequence }: Props) {
  const start = useMemo(() => startOf(problem, sequence), [problem, sequence]);
  const [history, act] = useReducer(after, start, begun);
  const edit = history.now;
  const [keepTr, setKeepTr] = useState(true);
  const [held, setHeld] = useState<Axis | null>(null);
  const [tissue, setTissue] = useState(0);
  const [frame, width] = useWidth();
  const looks: Look[] = problem.tissues;

  const free = useMemo(() => makeAxis(edit.sequence), [edit.sequence]);
  const axis = useMemo(() => (held ? makeAxis(edit.sequence, held) : free), [held, free, edit.sequence]);
  const change = (next: Sequence, gesture: string) =>
    act({ do: "edit", edit: { ...edit, sequence: next }, gesture });

  const times = useMemo(() => curveTimes(axis, N_TIMES), [axis]);
  const course = useMemo(() => courses(problem, edit, times), [problem, edit, times]);
  const [transverse, along] = useMemo(() => columnsOf(problem, edit, course, times), [course]);
  const states = useMemo(() => graphOf(problem, edit, tissue), [problem, edit, tissue]);
  const signals = useMemo(() => nominalSignals(problem, edit), [problem, edit]);
  const startSignals = useMemo(() => nominalSignals(problem, start), [problem, start]);
  const rough = hasSlices(problem, edit.sequence) ? ROUGH_SLICES : ROUGH;
  const { loss, startLoss, settled } = useLoss(problem, edit, start, rough.voxel);
  const everyField = settled ? 1 : rough.point;
  const fields = useMemo(
    () => problem.tissues.map((_, at) => fieldOf(problem, edit, at, everyField)),
    [problem, edit, everyField],
  );
  const voxel = useMemo(
    () => ofTissues(editedVoxels(problem, problem.nominal, edit.tissues), [tissue]),
    [problem, edit.tissues, tissue],
  );
  const { cursor, seek, playing, toggle } = useCursor(axis);
  useUndoKeys(act);
  const highest = Math.max(...edit.tissues.map(({ m0 }) => m0), 1e-9);
  const strip = { axis, width, cursor, seek };

  return (
    <div class="playground">
      <div class="toolbar" role="toolbar" aria-label="Edits">
        <button type="button" disabled={!history.past.length} onClick={() => act({ do: "undo" })}>
          Undo
        </button>
        <button type="button" disabled={!history.future.length} onClick={() => act({ do: "redo" })}>
          Redo
        </button>
        <button type="button" onClick={() => act({ do: "reset", edit: start })}>
          Reset
        </button>
        {edit.sequence.layout.steady && (
          <label>
            <input type="checkbox" checked={keepTr} onChange={() => setKeepTr(!keepTr)} /> keep the TR
          </label>
        )}
        <CopyMenu problem={problem} sequence={edit.sequence} />
      </div>
      <div class="columns">
        <section class="over-time" ref={frame} aria-label="Over time">
          <Diagram
            {...{ sequence: edit.sequence, axis, width, keepTr, change }}
            hold={(hold) => setHeld(hold ? free : null)}
          />
          <Curves
            {...strip}
            height={128}
            title="|Mxy|"
            {...{ times, looks }}
            columns={transverse}
            low={0}
            high={highest}
          />
          <Curves
            {...strip}
            height={108}
            title="Mz"
            {...{ times, looks }}
            columns={along}
            low={-highest}
            high={highest}
          />
          <Graph {...strip} height={150} states={states} sequence={edit.sequence} />
          <TimeLabels axis={axis} width={width} />
        </section>
        <div class="aside">
          <section aria-labelledby="loss-title">
            <h3 id="loss-title">Loss</h3>
            <Answer terms={problem.terms} start={startLoss} {...{ loss, settled, looks }} />
          </section>
          <section aria-labelledby="signal-title">
            <h3 id="signal-title">Signal at the readout</h3>
            <Signals start={startSignals} {...{ looks, signals, loss, highest }} />
          </section>
          <section aria-labelledby="sphere-title">
            <h3 id="sphere-title">A voxel's spins</h3>
            <TissueChoice {...{ looks, tissue }} choose={setTissue} />
            <Sphere
              sequence={edit.sequence}
              look={looks[tissue]}
              kinds={problem.kinds}
              {...{ voxel, cursor, playing, toggle }}
            />
          </section>
          <section aria-labelledby="robustness-title">
            <h3 id="robustness-title">Robustness</h3>
            <Robustness fields={fields} looks={looks} b0={problem.b0} b1={problem.b1} />
          </section>
        </div>
        <div class="tables">
          <section aria-labelledby="numbers-title">
            <h3 id="numbers-title">Sequence</h3>
            <Numbers
              sequence={edit.sequence}
              kinds={["hard", ...Object.keys(problem.kinds)]}
              {...{ keepTr, change }}
            />
          </section>
          <section aria-labelledby="tissues-title">
            <h3 id="tissues-title">Tissues</h3>
            <Tissues
              looks={looks}
              tissues={edit.tissues}
              change={(tissues, gesture) => act({ do: "edit", edit: { ...edit, tissues }, gesture })}
            />
          </section>
        </div>
      </div>
    </div>
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

function CopyMenu({ problem, sequence }: Props) {
  const [copied, setCopied] = useState("");
  const forms: [string, () => string][] = [
    ["TOML", () => toToml(sequence)],
    ["JSON", () => toJson(sequence)],
    ["command", () => toCommand(sequence, problem.source)],
    ["Python", () => toPython(sequence, problem.source)],
  ];
  return (
    <span class="copy" role="group" aria-label="Copy the sequence">
      Copy as
      {forms.map(([name, text]) => (
        <button
          key={name}
          type="button"
          onClick={async () => {
            setCopied((await copy(text())) ? `${name} copied` : "the browser refused to copy");
          }}
        >
          {name}
        </button>
      ))}
      <span role="status" class="note">
        {copied}
      </span>
    </span>
  );
}

/** Also where a page of a file has no clipboard of its own. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
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

function hasSlices(problem: Problem, { layout }: Sequence): boolean {
  return layout.kinds.some((name) => name !== "hard" && problem.kinds[name].sliceBandwidth > 0);
}

/** Ctrl+Z takes back, with Shift again. */
function useUndoKeys(act: (action: Action) => void) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      act({ do: event.shiftKey ? "redo" : "undo" });
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [act]);
}

/** Loss over some voxels while something moves, over all once it rests. */
function useLoss(problem: Problem, edit: Edit, start: Edit, every: number) {
  const rough = useMemo(() => roughLoss(problem, edit, every), [problem, edit, every]);
  const [whole, setWhole] = useState<{ edit: Edit; loss: Loss } | null>(null);
  const [startLoss, setStartLoss] = useState<Loss | null>(null);
  useEffect(() => {
    let wanted = true;
    const timer = setTimeout(async () => {
      const loss = await wholeLoss(problem, edit, () => wanted);
      if (!loss) return;
      setWhole({ edit, loss });
      if (edit === start) setStartLoss(loss);
    }, SETTLED_AFTER);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [problem, edit, start]);
  const settled = whole?.edit === edit;
  return { loss: settled ? whole.loss : rough, startLoss, settled };
}

/** Time of the cursor as a position on the axis, so that it moves evenly over a stretched one too. */
function useCursor(axis: Axis) {
  const [position, setPosition] = useState(() => axis.at(Math.max(...axis.readouts)));
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    let last = performance.now();
    const step = (now: number) => {
      setPosition((at) => (at + (now - last) / 1e3 / PLAYED_FOR) % 1);
      last = now;
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [playing]);
  return {
    cursor: axis.time(position),
    seek: (time: number) => !playing && setPosition(axis.at(time)),
    playing,
    toggle: () => setPlaying(!playing),
  };
}

function useWidth() {
  const frame = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(320);
  useEffect(() => {
    if (!frame.current) return;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    watch.observe(frame.current);
    return () => watch.disconnect();
  }, []);
  return [frame, width] as const;
}
