/** Edits that can be taken back; those of one drag are one step. */
import type { Edit } from "./model";

export interface History {
  past: Edit[];
  now: Edit;
  future: Edit[];
  /** What the last edit was part of, so that more of it is no step of its own. */
  gesture: string | null;
}

export type Action =
  | { do: "edit"; edit: Edit; gesture: string | null }
  | { do: "undo" }
  | { do: "redo" }
  | { do: "reset"; edit: Edit };

const MOST_STEPS = 500;

export function begun(edit: Edit): History {
  return { past: [], now: edit, future: [], gesture: null };
}

export function after(history: History, action: Action): History {
  const { past, now, future, gesture } = history;
  switch (action.do) {
    case "edit": {
      const goesOn = action.gesture !== null && action.gesture === gesture;
      const steps = goesOn ? past : [...past.slice(-MOST_STEPS), now];
      return { past: steps, now: action.edit, future: [], gesture: action.gesture };
    }
    case "undo": {
      const before = past.at(-1);
      return before
        ? { past: past.slice(0, -1), now: before, future: [now, ...future], gesture: null }
        : history;
    }
    case "redo": {
      const [next, ...rest] = future;
      return next ? { past: [...past, now], now: next, future: rest, gesture: null } : history;
    }
    case "reset":
      return { past: [...past, now], now: action.edit, future: [], gesture: null };
  }
}
