/** Numbers to type: those of each pulse and delay, and the values of each tissue. */
import type { ComponentChildren } from "preact";
import type { Gradient, Sequence } from "../engine/sequence";
import { repetitionTime } from "../engine/sequence";
import type { Look } from "./Curves";
import {
  EDITABLE,
  type Editable,
  type TissueValues,
  toDegrees,
  withDelay,
  withFlip,
  withGradient,
  withKind,
  withPhase,
  withRepetition,
} from "./model";

const MOST_CRUSHER = 12;

interface NumbersProps {
  sequence: Sequence;
  keepTr: boolean;
  kinds: string[];
  change: (sequence: Sequence, gesture: string) => void;
}

export function Numbers({ sequence, keepTr, kinds, change }: NumbersProps) {
  const { flip, phase, delay, layout } = sequence;
  const set = (next: Sequence, what: string) => change(next, `type ${what}`);
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="Numbers of the sequence">
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">pulse</th>
            {flip.map((_, pulse) => (
              <th scope="col" key={`pulse ${pulse + 1}`}>
                {pulse + 1}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Row head="flip (°)" values={flip}>
            {(angle, pulse) => (
              <Field
                label={`Flip angle of pulse ${pulse + 1} in degrees`}
                value={toDegrees(angle)}
                digits={2}
                set={(value) => set(withFlip(sequence, pulse, value), `flip ${pulse}`)}
              />
            )}
          </Row>
          <Row head="phase (°)" values={phase}>
            {(angle, pulse) => (
              <Field
                label={`Phase of pulse ${pulse + 1} in degrees`}
                value={toDegrees(angle)}
                digits={2}
                set={(value) => set(withPhase(sequence, pulse, value), `phase ${pulse}`)}
              />
            )}
          </Row>
          {kinds.length > 1 && (
            <Row head="kind" values={layout.kinds}>
              {(kind, pulse) => (
                <Choice
                  label={`Kind of pulse ${pulse + 1}`}
                  value={kind}
                  options={kinds}
                  set={(chosen) => set(withKind(sequence, pulse, chosen), `kind ${pulse}`)}
                />
              )}
            </Row>
          )}
          <Row head="gradient after" values={layout.gradients}>
            {(gradient, pulse) => (
              <Choice
                label={`Gradient after pulse ${pulse + 1}`}
                value={String(gradient)}
                options={gradientOptions(pulse === flip.length - 1)}
                set={(text) => set(withGradient(sequence, pulse, gradientOf(text)), `gradient ${pulse}`)}
              />
            )}
          </Row>
          <Row head="delays (ms)" values={delay}>
            {(seconds, at) => (
              <Field
                label={`Delay ${at + 1} in milliseconds`}
                value={1e3 * seconds}
                digits={3}
                set={(value) => set(withDelay(sequence, at, value / 1e3, keepTr), `delay ${at}`)}
              />
            )}
          </Row>
          {layout.steady && (
            <Row head="TR (ms)" values={[repetitionTime(sequence)]}>
              {(seconds) => (
                <Field
                  label="Repetition time in milliseconds"
                  value={1e3 * seconds}
                  digits={2}
                  set={(value) => set(withRepetition(sequence, value / 1e3), "TR")}
                />
              )}
            </Row>
          )}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps<Value> {
  head: string;
  values: Value[];
  children: (value: Value, at: number) => ComponentChildren;
}

/** A cell for each of some values. */
function Row<Value>({ head, values, children }: RowProps<Value>) {
  return (
    <tr>
      <th scope="row">{head}</th>
      {values.map((value, at) => (
        <td key={`${head} ${at + 1}`}>{children(value, at)}</td>
      ))}
    </tr>
  );
}

const UNITS: Record<Editable, { head: string; factor: number; digits: number }> = {
  m0: { head: "M0", factor: 1, digits: 3 },
  t1: { head: "T1 (ms)", factor: 1e3, digits: 1 },
  t2: { head: "T2 (ms)", factor: 1e3, digits: 2 },
  t2Prime: { head: "T2' (ms)", factor: 1e3, digits: 2 },
};

interface TissuesProps {
  looks: Look[];
  tissues: TissueValues[];
  change: (tissues: TissueValues[], gesture: string) => void;
}

export function Tissues({ looks, tissues, change }: TissuesProps) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="Values of the tissues">
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">tissue</th>
            {EDITABLE.map((name) => (
              <th scope="col" key={name}>
                {UNITS[name].head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tissues.map((values, tissue) => (
            <tr key={looks[tissue].name}>
              <th scope="row" style={{ "--tissue": looks[tissue].colour }}>
                <span class="dot">{looks[tissue].name}</span>
              </th>
              {EDITABLE.map((name) => (
                <td key={name}>
                  <Field
                    label={`${UNITS[name].head} of ${looks[tissue].name}`}
                    value={UNITS[name].factor * values[name]}
                    digits={UNITS[name].digits}
                    set={(value) => {
                      if (!(value > 0)) return;
                      const next = { ...values, [name]: value / UNITS[name].factor };
                      change(tissues.with(tissue, next), `type ${name} ${tissue}`);
                    }}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface FieldProps {
  label: string;
  value: number;
  digits: number;
  set: (value: number) => void;
}

/** A number that is taken over as it is typed. */
function Field({ label, value, digits, set }: FieldProps) {
  const shown = Number.isFinite(value) ? String(Number(value.toFixed(digits))) : "";
  return (
    <input
      type="number"
      step="any"
      aria-label={label}
      placeholder={Number.isFinite(value) ? "" : "∞"}
      value={shown}
      onInput={({ currentTarget }) => {
        const typed = currentTarget.valueAsNumber;
        if (Number.isFinite(typed) && typed !== Number(shown)) set(typed);
      }}
    />
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: string[];
  set: (value: string) => void;
}

function Choice({ label, value, options, set }: ChoiceProps) {
  return (
    <select aria-label={label} value={value} onChange={({ currentTarget }) => set(currentTarget.value)}>
      {options.map((option) => (
        <option key={option} value={option}>
          {option === "0" ? "none" : option === "spoiler" ? option : option.replace(/^(\d+)$/, "crusher $1")}
        </option>
      ))}
    </select>
  );
}

function gradientOptions(isLast: boolean): string[] {
  const crushers = Array.from({ length: MOST_CRUSHER + 1 }, (_, moment) => String(moment));
  return isLast ? crushers : [...crushers, "spoiler"];
}

function gradientOf(text: string): Gradient {
  return text === "spoiler" ? text : Number(text);
}
