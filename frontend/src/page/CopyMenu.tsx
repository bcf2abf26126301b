/** Buttons that copy the sequence as text. */
import { useState } from "preact/hooks";
import type { Sequence } from "../engine/sequence";
import { toCommand, toJson, toPython, toToml } from "./copy";

interface Props {
  sequence: Sequence;
  /** The problem on the command line. */
  source: string;
}

export function CopyMenu({ sequence, source }: Props) {
  const [copied, setCopied] = useState("");
  const forms: [string, () => string][] = [
    ["TOML", () => toToml(sequence)],
    ["JSON", () => toJson(sequence)],
    ["command", () => toCommand(sequence, source)],
    ["Python", () => toPython(sequence, source)],
  ];
  return (
    <span class="copy" role="group" aria-label="Copy the sequence">
      Copy as
      {forms.map(([name, text]) => (
        <button
          key={name}
          type="button"
          onClick={async () => {
            setCopied((await copy(text())) ? `${name} copied` : "the browser refused to copy");
          }}
        >
          {name}
        </button>
      ))}
      <span role="status" class="note">
        {copied}
      </span>
    </span>
  );
}

/** Also where a page of a file has no clipboard of its own. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
