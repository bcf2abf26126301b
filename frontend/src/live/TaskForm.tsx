/** A task in a form: tissues, imaging, objective, search space. */
import {
  type Form,
  IMAGING_KEYS,
  renamed,
  SPACE_KEYS,
  type TermForm,
  type Texts,
  TISSUE_KEYS,
  type TissueForm,
} from "./form";

/** As `sequence_search.view.task.choices` writes it. */
export interface TermChoice {
  name: string;
  tissues: boolean;
  brighter: boolean;
}

const HEADS: Record<string, string> = {
  m0: "M0",
  t1_ms: "T1 (ms)",
  t2_ms: "T2 (ms)",
  t2_prime_ms: "T2' (ms)",
  b0_hz: "b0 (Hz)",
  b1: "b1, relative",
  spread_hz: "spread in a voxel (Hz)",
  max_rf: "most pulses",
  flip_range_deg: "flip angles at the start (°)",
  max_flip_deg: "largest flip angle (°)",
  min_rf_delay_ms: "shortest delay (ms)",
  max_delay_ms: "longest delay (ms)",
};

interface Props {
  form: Form;
  terms: TermChoice[];
  change: (form: Form) => void;
}

export function TaskForm({ form, terms, change }: Props) {
  return (
    <div class="task-form">
      <p class="note">
        A value is a number, normal over voxels as 110 ± 9, or uniform as 0.8 to 1.2; inf for none.
      </p>
      <div class="fields">
        <Text label="Name" value={form.name} set={(name) => change({ ...form, name })} />
        <Text label="Title" value={form.title} set={(title) => change({ ...form, title })} wide />
      </div>
      <TissueRows {...{ form, change }} />
      <Group
        title="Imaging"
        keys={IMAGING_KEYS}
        texts={form.imaging}
        set={(imaging) => change({ ...form, imaging })}
      />
      <TermRows {...{ form, terms, change }} />
      <Group
        title="Search space"
        keys={SPACE_KEYS}
        texts={form.space}
        set={(space) => change({ ...form, space })}
      />
    </div>
  );
}

function TissueRows({ form, change }: Omit<Props, "terms">) {
  const set = (at: number, tissue: TissueForm) => change({ ...form, tissues: form.tissues.with(at, tissue) });
  const added: TissueForm = { name: newName(form), texts: { ...form.tissues.at(-1)?.texts }, rest: {} };
  return (
    <fieldset>
      <legend>Tissues</legend>
      <div class="scroll" tabIndex={0} role="group" aria-label="Values of the tissues of the task">
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">name</th>
              {TISSUE_KEYS.map((key) => (
                <th scope="col" key={key}>
                  {HEADS[key]}
                </th>
              ))}
              <td />
            </tr>
          </thead>
          <tbody>
            {form.tissues.map((tissue, at) => (
              <tr key={`tissue ${at + 1}`}>
                <td>
                  <input
                    aria-label={`Name of tissue ${at + 1}`}
                    value={tissue.name}
                    onInput={({ currentTarget }) => change(renamed(form, at, currentTarget.value))}
                  />
                </td>
                {TISSUE_KEYS.map((key) => (
                  <td key={key}>
                    <input
                      aria-label={`${HEADS[key]} of tissue ${at + 1}`}
                      value={tissue.texts[key]}
                      onInput={({ currentTarget }) =>
                        set(at, { ...tissue, texts: { ...tissue.texts, [key]: currentTarget.value } })
                      }
                    />
                  </td>
                ))}
                <td>
                  <Remove
                    what={`tissue ${tissue.name}`}
                    disabled={form.tissues.length === 1}
                    press={() => change({ ...form, tissues: form.tissues.toSpliced(at, 1) })}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <button type="button" onClick={() => change({ ...form, tissues: [...form.tissues, added] })}>
        Add a tissue
      </button>
    </fieldset>
  );
}

function newName({ tissues }: Form): string {
  let number = tissues.length + 1;
  while (tissues.some(({ name }) => name === `tissue ${number}`)) number += 1;
  return `tissue ${number}`;
}

function TermRows({ form, terms, change }: Props) {
  const set = (at: number, term: TermForm) => change({ ...form, terms: form.terms.with(at, term) });
  const added: TermForm = {
    term: "signal",
    weight: "1",
    tissues: [form.tissues[0].name],
    brighter: "",
    rest: {},
  };
  return (
    <fieldset>
      <legend>Objective</legend>
      {form.terms.map((term, at) => (
        <div class="fields term" key={`term ${at + 1}`} role="group" aria-label={`Term ${at + 1}`}>
          <Term
            {...{ term, terms, number: at + 1, names: form.tissues.map(({ name }) => name) }}
            set={(next) => set(at, next)}
          />
          <Remove
            what={`term ${at + 1}, ${term.term}`}
            disabled={form.terms.length === 1}
            press={() => change({ ...form, terms: form.terms.toSpliced(at, 1) })}
          />
        </div>
      ))}
      <button type="button" onClick={() => change({ ...form, terms: [...form.terms, added] })}>
        Add a term
      </button>
    </fieldset>
  );
}

interface TermProps {
  term: TermForm;
  terms: TermChoice[];
  number: number;
  names: string[];
  set: (term: TermForm) => void;
}

function Term({ term, terms, number, names, set }: TermProps) {
  const kind = terms.find(({ name }) => name === term.term);
  const choose = (name: string) => {
    const next = terms.find((each) => each.name === name);
    const tissues = next?.tissues ? (term.tissues.length ? term.tissues : names.slice(0, 1)) : [];
    set({ ...term, term: name, tissues, brighter: next?.brighter ? term.brighter : "" });
  };
  const mark = (name: string, wanted: boolean) =>
    set({
      ...term,
      tissues: names.filter((each) => (each === name ? wanted : term.tissues.includes(each))),
      brighter: term.brighter === name && !wanted ? "" : term.brighter,
    });
  return (
    <>
      <select
        aria-label={`Term ${number}`}
        value={term.term}
        onChange={({ currentTarget }) => choose(currentTarget.value)}
      >
        {terms.map(({ name }) => (
          <option key={name} value={name}>
            {name.replaceAll("_", " ")}
          </option>
        ))}
        {!kind && <option value={term.term}>{term.term}</option>}
      </select>
      <Text
        label="weight"
        of={`term ${number}`}
        value={term.weight}
        set={(weight) => set({ ...term, weight })}
      />
      {kind?.tissues &&
        names.map((name, at) => (
          <label key={`${at + 1} ${name}`}>
            <input
              type="checkbox"
              checked={term.tissues.includes(name)}
              onChange={({ currentTarget }) => mark(name, currentTarget.checked)}
            />{" "}
            {name}
          </label>
        ))}
      {kind?.brighter && (
        <label>
          the brighter{" "}
          <select
            value={term.brighter}
            onChange={({ currentTarget }) => set({ ...term, brighter: currentTarget.value })}
          >
            <option value="">either</option>
            {term.tissues.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
    </>
  );
}

interface GroupProps {
  title: string;
  keys: string[];
  texts: Texts;
  set: (texts: Texts) => void;
}

function Group({ title, keys, texts, set }: GroupProps) {
  return (
    <fieldset>
      <legend>{title}</legend>
      <div class="fields">
        {keys.map((key) => (
          <Text
            key={key}
            label={HEADS[key]}
            value={texts[key]}
            set={(text) => set({ ...texts, [key]: text })}
          />
        ))}
      </div>
    </fieldset>
  );
}

interface TextProps {
  label: string;
  value: string;
  set: (value: string) => void;
  of?: string;
  wide?: boolean;
}

/** A line of text below its label. */
export function Text({ label, value, set, of = "", wide = false }: TextProps) {
  return (
    <label class={wide ? "field wide" : "field"}>
      <span>
        {label}
        {of && <span class="hidden"> of {of}</span>}
      </span>
      <input value={value} onInput={({ currentTarget }) => set(currentTarget.value)} />
    </label>
  );
}

function Remove({ what, disabled, press }: { what: string; disabled: boolean; press: () => void }) {
  return (
    <button type="button" class="remove" aria-label={`Remove ${what}`} disabled={disabled} onClick={press}>
      ×
    </button>
  );
}
