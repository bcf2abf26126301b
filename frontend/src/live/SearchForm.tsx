/** How to search, and the button that starts it. */
import { useState } from "preact/hooks";
import type { LiveData } from "./follow";
import { Text } from "./TaskForm";

interface Props {
  live: LiveData;
  strategies: string[];
  search: (how: object) => Promise<void>;
}

export function SearchForm({ live, strategies, search }: Props) {
  const [how, setHow] = useState({ strategy: strategies[0], seeds: "", maxSeconds: "", folder: "" });
  const [busy, setBusy] = useState(false);
  const press = async () => {
    setBusy(true);
    const { strategy, folder } = how;
    await search({ strategy, folder, seeds: numberOf(how.seeds), maxSeconds: numberOf(how.maxSeconds) });
    setBusy(false);
  };
  return (
    <form
      class="search-form"
      aria-label="Search"
      onSubmit={(event) => {
        event.preventDefault();
        press();
      }}
    >
      <div class="fields">
        <label class="field">
          <span>Strategy</span>
          <select
            value={how.strategy}
            onChange={({ currentTarget }) => setHow({ ...how, strategy: currentTarget.value })}
          >
            {strategies.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <Text
          label={
            how.strategy === "multistart" ? "Seeds, until they agree if left out" : "Seeds, one if left out"
          }
          value={how.seeds}
          set={(seeds) => setHow({ ...how, seeds })}
        />
        <Text
          label="Seconds for each seed, at most"
          value={how.maxSeconds}
          set={(maxSeconds) => setHow({ ...how, maxSeconds })}
        />
        <Text
          label="Folder, a new one if left out"
          value={how.folder}
          set={(folder) => setHow({ ...how, folder })}
        />
        <button type="submit" class="main" disabled={busy}>
          {busy ? "Starting …" : "Search"}
        </button>
      </div>
      <p class="note">The problem's file and the study are written in {live.directory}.</p>
    </form>
  );
}

/** A number; null of nothing, and the text itself of what is none, for the server to refuse. */
function numberOf(text: string): number | string | null {
  const given = text.trim();
  return given === "" ? null : Number.isFinite(Number(given)) ? Number(given) : given;
}
