/** Starts what a page holds: its data stand in it as JSON. */
import { render } from "preact";
import type { Sequence } from "./engine/sequence";
import { startLive } from "./live/start";
import { startFramed } from "./page/framed";
import { readProblem } from "./page/model";
import { Playground } from "./page/Playground";
import { type Design, startComparing } from "./report/compare";
import "./style.css";

interface Data {
  problem?: Parameters<typeof readProblem>[0];
  sequences?: Sequence[];
  designs?: Design[];
  /** Whether it stands in a notebook, which gets the edits. */
  framed?: boolean;
}

/** Starts a playground, unless one goes on that the page `keeps`, and what a report has besides. */
function start({ problem: packed, sequences, designs, framed }: Data, keeps = false): void {
  const place = document.getElementById("playground");
  if (!place || !packed || !sequences) return;
  const problem = readProblem(packed);
  const show = (sequence: Sequence) =>
    render(<Playground key={JSON.stringify(sequence)} {...{ problem, sequence, edited }} />, place);
  const begin = (sequence: Sequence) => {
    render(null, place);
    place.replaceChildren();
    show(sequence);
  };
  const edited = framed ? startFramed(begin) : undefined;
  if (!keeps) begin(sequences[0]);
  const compared = document.getElementById("compare");
  if (designs && compared) startComparing(designs, compared);
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-play]")) {
    button.addEventListener("click", () => {
      show(sequences[Number(button.dataset.play)]);
      place.scrollIntoView({ behavior: "smooth" });
    });
  }
}

start(JSON.parse(document.getElementById("data")?.textContent ?? "{}"));
startLive(start);
