/** A task to choose or to state, and its search. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Sequence } from "../engine/sequence";
import type { PackedProblem } from "../page/model";
import { ask, type LiveData, messageOf } from "./follow";
import { type Form, formOf, tablesOf } from "./form";
import { SearchForm } from "./SearchForm";
import { TaskForm, type TermChoice } from "./TaskForm";

/** As `sequence_search.view.task.choices` writes it. */
export interface Choices {
  groups: { title: string; problems: { name: string; title: string }[] }[];
  terms: TermChoice[];
  strategies: string[];
}

/** As `sequence_search.view.task.task_data` writes it. */
interface TaskData {
  name: string;
  words: string;
  notes: string[];
  toml: string;
  tables: Record<string, unknown>;
  problem: PackedProblem;
  sequence: Sequence;
}

interface Props {
  live: LiveData & { choices: Choices };
  play: (data: { problem: PackedProblem; sequences: Sequence[] }) => void;
}

type Draft = { form: Form } | { toml: string };
const KEPT = "sequence-search task"; // of the session, for the way back from a search

export function Task({ live, play }: Props) {
  const [task, setTask] = useState<TaskData | null>(null);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [chosen, choose] = useState("");
  const [faults, setFaults] = useState("");
  const asked = useRef(0);
  /** Have the server check what is stated; what it takes is shown, and played with. */
  const state = async (given: object): Promise<TaskData | null> => {
    asked.current += 1;
    const mine = asked.current;
    try {
      const found = (await ask("/task", live.token, given)) as TaskData;
      if (mine !== asked.current) return null;
      setTask(found);
      setDraft(null);
      setFaults("");
      sessionStorage.setItem(KEPT, found.toml);
      play({ problem: found.problem, sequences: [found.sequence] });
      return found;
    } catch (error) {
      if (mine === asked.current) setFaults(messageOf(error));
      return null;
    }
  };
  const takeDraft = async () => {
    if (!draft) return task;
    try {
      return await state("form" in draft ? { tables: tablesOf(draft.form) } : draft);
    } catch (error) {
      setFaults(messageOf(error));
      return null;
    }
  };
  const begin = (name: string) => {
    choose(name);
    state({ name });
  };
  useEffect(() => {
    const kept = sessionStorage.getItem(KEPT);
    if (kept) state({ toml: kept });
    else begin(live.choices.groups[0].problems[0].name);
  }, []);
  const search = async (how: object) => {
    const taken = await takeDraft();
    if (!taken) return;
    try {
      await ask("/search", live.token, { toml: taken.toml, ...how });
      location.assign("/study");
    } catch (error) {
      setFaults(messageOf(error));
    }
  };
  const open = async (file: File | undefined) => {
    if (!file) return;
    choose("");
    const toml = await file.text();
    if (!(await state({ toml }))) setDraft({ toml });
  };
  return (
    <>
      <div class="controls choose">
        <label>
          Problem{" "}
          <select
            value={chosen}
            onChange={({ currentTarget }) => currentTarget.value && begin(currentTarget.value)}
          >
            <option value="">one of your own</option>
            {live.choices.groups.map(({ title, problems }) => (
              <optgroup key={title} label={title}>
                {problems.map((each) => (
                  <option key={each.name} value={each.name}>
                    {each.name}: {each.title}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        </label>
        <label>
          or a file{" "}
          <input
            type="file"
            accept=".toml"
            onChange={({ currentTarget }) => open(currentTarget.files?.[0])}
          />
        </label>
      </div>
      {task && <p class="lead">{task.words}</p>}
      {task?.notes.map((note) => (
        <p class="note" key={note}>
          note: {note}
        </p>
      ))}
      {task && (
        <Stated
          task={task}
          draft={draft}
          terms={live.choices.terms}
          change={(next) => {
            setDraft(next);
            choose("");
          }}
        />
      )}
      {draft && (
        <p class="controls">
          <button type="button" onClick={takeDraft}>
            Take the changes
          </button>
          <button
            type="button"
            onClick={() => {
              setDraft(null);
              setFaults("");
            }}
          >
            Undo them
          </button>
        </p>
      )}
      {faults && (
        <div class="trouble" role="alert">
          {faults.split("\n").map((line) => (
            <p key={line}>{line}</p>
          ))}
        </div>
      )}
      {task && <SearchForm {...{ live, search }} strategies={live.choices.strategies} />}
    </>
  );
}

interface StatedProps {
  task: TaskData;
  draft: Draft | null;
  terms: TermChoice[];
  change: (draft: Draft) => void;
}

/** The task in a form and as a file; what is edited in one is seen in the other once it is taken. */
function Stated({ task, draft, terms, change }: StatedProps) {
  const [open, setOpen] = useState({ form: false, toml: false });
  const isText = draft !== null && "toml" in draft;
  useEffect(() => {
    if (isText) setOpen((now) => ({ ...now, toml: true })); // a file with a fault is shown
  }, [isText]);
  const form = draft && "form" in draft ? draft.form : formOf(task.tables);
  const toml = isText ? draft.toml : task.toml;
  return (
    <>
      <details
        open={open.form}
        onToggle={({ currentTarget }) => setOpen({ ...open, form: currentTarget.open })}
      >
        <summary>State it in a form</summary>
        <TaskForm {...{ form, terms }} change={(next) => change({ form: next })} />
      </details>
      <details
        open={open.toml}
        onToggle={({ currentTarget }) => setOpen({ ...open, toml: currentTarget.open })}
      >
        <summary>Or as a file, with limits, kinds of pulse and repetition</summary>
        <textarea
          aria-label="Problem file"
          spellcheck={false}
          rows={24}
          value={toml}
          onInput={({ currentTarget }) => change({ toml: currentTarget.value })}
        />
      </details>
    </>
  );
}
