/** How the search stands: a line, and while no report tells more, its seeds and the best design so far. */
import { useEffect, useRef, useState } from "preact/hooks";
import { fixed } from "../page/text";
import { ask, type Best, type LiveData, messageOf, type Status, type UnderWay, useFollow } from "./follow";
import { Strip } from "./Strip";
import { countWords, stateWords, timeWords } from "./words";

interface Props {
  live: LiveData;
  /** Fetches the report and puts it in place of what is shown; the results that it is of. */
  showReport: () => Promise<string>;
}

export function Live({ live, showReport }: Props) {
  const { status, best, connected } = useFollow();
  const [shown, setShown] = useState(live.results);
  const [trouble, setTrouble] = useState("");
  const [busy, setBusy] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const take = async () => {
    setBusy(true);
    setTrouble("");
    try {
      setShown(await showReport());
    } catch (error) {
      setTrouble(messageOf(error));
    }
    setBusy(false);
  };
  const results = status?.results ?? "";
  const isStudy = live.page === "study";
  const goesOn = status?.state === "running" || status?.state === "starting";
  useEffect(() => {
    if (isStudy && results && results !== shown && !(shown && goesOn)) take(); // of a search under way the first
  }, [isStudy, results, goesOn]);
  const press = async () => {
    await take();
    frame.current?.focus({ preventScroll: true });
  };
  if (!status)
    return <p class="note">{connected ? "Asking how it stands …" : "The server does not answer."}</p>;
  const isNew = results !== "" && results !== shown;
  return (
    <div class="live" ref={frame} tabIndex={-1}>
      <div class="controls">
        <p role="status" class={`state ${connected ? status.state : "gone"}`}>
          <b>{connected ? stateWords(status) : "The server does not answer"}</b> {countWords(status)}
        </p>
        {status.secondsLeft != null && (
          <span class="note">{timeWords(status.secondsLeft)} left at this rate</span>
        )}
        {status.started && <Stop token={live.token} tell={setTrouble} />}
        {isStudy && shown && isNew && (
          <button type="button" disabled={busy} onClick={press}>
            {busy ? "Writing the report …" : `Show the report of ${status.done} seeds`}
          </button>
        )}
        {isStudy ? live.directory && <a href="/">State another task</a> : <a href="/study">Look at it</a>}
      </div>
      {status.message && <p class="trouble">{status.message}</p>}
      {trouble && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      <p class="note">
        {live.folder}
        {status.state === "stopped" && (
          <>
            ; it goes on with <code>{live.resume}</code>
          </>
        )}
      </p>
      {isStudy && (isNew || !shown) && <SoFar {...{ status, best, busy: busy && !shown }} />}
    </div>
  );
}

function Stop({ token, tell }: { token: string; tell: (trouble: string) => void }) {
  const [asked, setAsked] = useState(false);
  const stop = async () => {
    setAsked(true);
    await ask("/stop", token, {}).catch((error) => tell(messageOf(error)));
  };
  return (
    <button type="button" disabled={asked} onClick={stop}>
      {asked ? "Stopping …" : "Stop"}
    </button>
  );
}

function SoFar({ status, best, busy }: { status: Status; best: Best | null; busy: boolean }) {
  return (
    <div class="so-far">
      <div>
        {status.losses?.length ? <Strip losses={status.losses} /> : null}
        <ul class="note">
          {status.underWay?.map((each) => (
            <li key={each.seed}>{underWayWords(each)}</li>
          ))}
        </ul>
        {busy && <p class="note">Writing the report …</p>}
      </div>
      {best?.drawn && <Drawn best={best} />}
    </div>
  );
}

function underWayWords({ seed, step, nSteps, loss }: UnderWay): string {
  const steps = step == null ? "" : `, step ${step}${nSteps == null ? "" : ` of ${nSteps}`}`;
  return `seed ${seed}${steps}${loss == null ? "" : `, loss ${fixed(loss, 5)}`}`;
}

/** The figure as the server drew it. */
function Drawn({ best }: { best: Best }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const drawn = new DOMParser().parseFromString(best.drawn ?? "", "text/html").querySelector("img");
    if (drawn) place.current?.replaceChildren(drawn);
  }, [best.drawn]);
  return (
    <figure>
      <figcaption>Best so far: {best.category}</figcaption>
      <div class="drawn" ref={place} />
    </figure>
  );
}
