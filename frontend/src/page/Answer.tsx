/** The loss with its parts, and the signal of each tissue, beside those that the page began with. */
import type { Term } from "../engine/terms";
import type { Look } from "./Curves";
import type { Loss } from "./measure";
import { fixed, signed } from "./text";

interface AnswerProps {
  terms: Term[];
  loss: Loss | null;
  start: Loss | null;
  settled: boolean;
  looks: Look[];
}

export function Answer({ terms, loss, start, settled, looks }: AnswerProps) {
  if (!loss) return <p class="note">computing …</p>;
  const change = start ? loss.total - start.total : 0;
  const largest = Math.max(...loss.parts.map((part) => Math.abs(part) || 0), 1e-12);
  return (
    <div class="answer">
      <p class="loss">
        <output aria-live="polite" data-testid="loss">
          {settled ? "" : "≈ "}
          {fixed(loss.total, 6)}
        </output>
        <span class="note">{changeWords(change)}</span>
      </p>
      <table class="parts">
        <tbody>
          {terms.map((term, at) => (
            <tr key={term.name}>
              <th scope="row">
                {term.name}
                {tissuesOf(term, looks)}
              </th>
              <td class="bar">
                <i
                  class={loss.parts[at] < 0 ? "gain" : ""}
                  style={{ width: `${(100 * (Math.abs(loss.parts[at]) || 0)) / largest}%` }}
                />
              </td>
              <td class="number">{fixed(loss.parts[at], 6)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note">over {loss.nVoxels.toLocaleString("en")} voxels per tissue</p>
    </div>
  );
}

function changeWords(change: number): string {
  if (Number.isNaN(change)) return "the page does not know every term";
  return Math.abs(change) > 5e-7 ? `${signed(change, 6)} against the start` : "as at the start";
}

function tissuesOf({ tissues, weight }: Term, looks: Look[]): string {
  const names = tissues ? ` of ${tissues.map((at) => looks[at].name).join(", ")}` : "";
  return weight === 1 ? names : `${names} × ${weight}`;
}

interface SignalsProps {
  looks: Look[];
  signals: number[];
  start: number[];
  loss: Loss | null;
  highest: number;
}

/** A bar for the nominal voxel, a tick for the start, mean ± standard deviation over the voxels. */
export function Signals({ looks, signals, start, loss, highest }: SignalsProps) {
  return (
    <table class="signals">
      <tbody>
        {looks.map((look, at) => (
          <tr key={look.name} style={{ "--tissue": look.colour }}>
            <th scope="row">
              <span class="dot">{look.name}</span>
            </th>
            <td class="bar">
              <i style={{ width: `${(100 * signals[at]) / highest}%` }} />
              <b
                style={{ left: `${(100 * start[at]) / highest}%` }}
                title={`at the start ${fixed(start[at], 3)}`}
              />
            </td>
            <td class="number" data-testid={`signal ${at}`}>
              {fixed(signals[at], 4)}
            </td>
            <td class="number note">
              {loss && `${fixed(loss.mean[at], 3)} ± ${fixed(loss.deviation[at], 3)}`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
