/** A sequence to take hold of, and all that follows from it. */
import { useEffect, useMemo, useReducer, useState } from "preact/hooks";
import type { Sequence } from "../engine/sequence";
import { Aside, Titled } from "./Aside";
import { type Axis, makeAxis } from "./axis";
import { CopyMenu } from "./CopyMenu";
import { type Action, after, begun, type History } from "./history";
import { useCursor, useUndoKeys, useWidth } from "./hooks";
import { type Problem, startOf, type TissueValues } from "./model";
import { OverTime } from "./OverTime";
import { Numbers, Tissues } from "./Tables";

interface Props {
  problem: Problem;
  sequence: Sequence;
  /** Told each sequence, the first too. */
  edited?: ((sequence: Sequence) => void) | undefined;
}

export function Playground({ problem, sequence, edited }: Props) {
  const start = useMemo(() => startOf(problem, sequence), [problem, sequence]);
  const [history, act] = useReducer(after, start, begun);
  const edit = history.now;
  const [keepTr, setKeepTr] = useState(true);
  const [held, setHeld] = useState<Axis | null>(null);
  const [tissue, choose] = useState(0);
  const [frame, width] = useWidth();
  const free = useMemo(() => makeAxis(edit.sequence), [edit.sequence]);
  const axis = useMemo(() => (held ? makeAxis(edit.sequence, held) : free), [held, free, edit.sequence]);
  const { seek, ...played } = useCursor(axis);
  useUndoKeys(act);
  useEffect(() => edited?.(edit.sequence), [edited, edit.sequence]);
  const change = (next: Sequence, gesture: string) =>
    act({ do: "edit", edit: { ...edit, sequence: next }, gesture });
  const changeTissues = (tissues: TissueValues[], gesture: string) =>
    act({ do: "edit", edit: { ...edit, tissues }, gesture });
  const highest = Math.max(...edit.tissues.map(({ m0 }) => m0), 1e-9);
  const shared = { problem, edit, tissue, highest };
  return (
    <div class="playground">
      <div class="toolbar" role="toolbar" aria-label="Edits">
        <HistoryButtons history={history} act={act} reset={() => act({ do: "reset", edit: start })} />
        {edit.sequence.layout.steady && (
          <label>
            <input type="checkbox" checked={keepTr} onChange={() => setKeepTr(!keepTr)} /> keep the TR
          </label>
        )}
        <CopyMenu sequence={edit.sequence} source={problem.source} />
      </div>
      <div class="columns">
        <section class="over-time" ref={frame} aria-label="Over time">
          <OverTime
            {...{ ...shared, axis, width, keepTr, change, seek, cursor: played.cursor }}
            hold={(hold) => setHeld(hold ? free : null)}
          />
        </section>
        <div class="aside">
          <Aside {...{ ...shared, ...played, start, choose }} />
        </div>
        <div class="tables">
          <Titled title="Sequence">
            <Numbers
              sequence={edit.sequence}
              kinds={["hard", ...Object.keys(problem.kinds)]}
              {...{ keepTr, change }}
            />
          </Titled>
          <Titled title="Tissues">
            <Tissues looks={problem.tissues} tissues={edit.tissues} change={changeTissues} />
          </Titled>
        </div>
      </div>
    </div>
  );
}

function HistoryButtons({
  history,
  act,
  reset,
}: {
  history: History;
  act: (action: Action) => void;
  reset: () => void;
}) {
  return (
    <>
      <button type="button" disabled={!history.past.length} onClick={() => act({ do: "undo" })}>
        Undo
      </button>
      <button type="button" disabled={!history.future.length} onClick={() => act({ do: "redo" })}>
        Redo
      </button>
      <button type="button" onClick={reset}>
        Reset
      </button>
    </>
  );
}
