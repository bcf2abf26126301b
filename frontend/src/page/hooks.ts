/** What the playground keeps and follows besides the edit: the loss, the cursor, its width, keys. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Axis } from "./axis";
import type { Action } from "./history";
import { type Loss, roughLoss, wholeLoss } from "./measure";
import type { Edit, Problem } from "./model";

const SETTLED_AFTER = 160; // ms without an edit
const PLAYED_FOR = 7; // s, from the first pulse to the end

/** Ctrl+Z takes back, with Shift again. */
export function useUndoKeys(act: (action: Action) => void) {
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
export function useLoss(problem: Problem, edit: Edit, start: Edit, every: number) {
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
export function useCursor(axis: Axis) {
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

export function useWidth() {
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
