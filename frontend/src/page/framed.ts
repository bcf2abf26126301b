/** A page in the output of a notebook: tells it that it is there, its height and each edit, and takes sequences. */
import type { Sequence } from "../engine/sequence";

type Take = (sequence: Sequence) => void;

/** What tells the notebook an edit; `show` is for sequences that the notebook sends, which it is not told again. */
export function startFramed(show: Take): Take {
  const tell = (message: object) => parent.postMessage(message, "*");
  let known: Sequence | null = null;
  addEventListener("message", ({ source, data }) => {
    if (source !== parent || !data.sequence) return;
    known = null;
    show(data.sequence);
  });
  new ResizeObserver(() => tell({ height: document.body.offsetHeight })).observe(document.body);
  tell({ ready: true });
  return (sequence) => {
    if (known && known !== sequence) tell({ sequence });
    known = sequence;
  };
}
