/** What the server tells of a study, as it happens. */
import { useEffect, useState } from "preact/hooks";

export interface UnderWay {
  seed: number;
  step: number | null;
  nSteps: number | null;
  loss: number | null;
}

/** As `sequence_search.view.follow.status_data` writes it; counts are there where the study can be read. */
export interface Status {
  state: "none" | "starting" | "running" | "stopped" | "done" | "failed" | "gone" | "damaged";
  message: string;
  /** Names what a report would be of; empty without a seed that is done. */
  results: string;
  started?: boolean;
  problem?: string;
  done?: number;
  failed?: number;
  total?: number;
  losses?: number[];
  underWay?: UnderWay[];
  secondsLeft?: number | null;
  loss?: number | null;
}

export interface Best {
  category?: string;
  drawn?: string;
}

/** What stands in the page of the server, as `Viewing.live` writes it. */
export interface LiveData {
  page: "study" | "task";
  token: string;
  results: string;
  folder: string;
  /** The command that goes on with it. */
  resume: string;
  directory: string;
}

/** Status and best design, followed; `connected` is false while the server does not answer. */
export function useFollow() {
  const [status, setStatus] = useState<Status | null>(null);
  const [best, setBest] = useState<Best | null>(null);
  const [connected, setConnected] = useState(true);
  useEffect(() => {
    const events = new EventSource("/events");
    events.addEventListener("status", ({ data }) => setStatus(JSON.parse(data)));
    events.addEventListener("best", ({ data }) => setBest(JSON.parse(data)));
    events.onopen = () => setConnected(true);
    events.onerror = () => setConnected(false);
    return () => events.close();
  }, []);
  return { status, best, connected };
}

/** Answer of the server to something that is stated or asked for; an Error of all lines if it refuses. */
export async function ask(path: string, token: string, given: object): Promise<unknown> {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Sequence-Search-Token": token },
    body: JSON.stringify(given),
  });
  const found = await answer.json();
  if (found.errors) throw new Error(found.errors.join("\n"));
  return found;
}

export function messageOf(error: unknown): string {
  if (error instanceof TypeError) return "the server does not answer";
  return error instanceof Error ? error.message : String(error);
}
