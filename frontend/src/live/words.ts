/** The state of a search in words. */
import { fixed } from "../page/text";
import type { Status } from "./follow";

const STATES: Record<Status["state"], string> = {
  none: "No search",
  starting: "Starting",
  running: "Searching",
  stopped: "Not running",
  done: "Done",
  failed: "Ended with an error",
  gone: "The study is gone",
  damaged: "The study cannot be read",
};

export function stateWords({ state }: Status): string {
  return STATES[state];
}

/** As "5 of 16 seeds, 1 failed; best loss 0.01152". */
export function countWords({ done, total, failed, loss }: Status): string {
  if (done === undefined || total === undefined) return "";
  const lost = failed ? `, ${failed} failed` : "";
  const best = loss == null ? "" : `; best loss ${fixed(loss, 5)}`;
  return `${done} of ${total} ${total === 1 ? "seed" : "seeds"}${lost}${best}`;
}

/** As "0:42", or "1:02:03". */
export function timeWords(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
