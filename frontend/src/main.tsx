/** Starts what a page holds: its data stand in it as JSON. */
import { render } from "preact";
import type { Sequence } from "./engine/sequence";
import { startLive } from "./live/start";
import { readProblem } from "./page/model";
import { Playground } from "./page/Playground";
import { type Design, startComparing } from "./report/compare";
import "./style.css";

interface Data {
  problem?: Parameters<typeof readProblem>[0];
  sequences?: Sequence[];
  designs?: Design[];
}

/** Starts a playground, unless one goes on that the page `keeps`, and what a report has besides. */
function start({ problem: packed, sequences, designs }: Data, keeps = false): void {
  const place = document.getElementById("playground");
  if (!place || !packed || !sequences) return;
  const problem = readProblem(packed);
  const show = (sequence: Sequence) =>
    render(<Playground key={JSON.stringify(sequence)} {...{ problem, sequence }} />, place);
  if (!keeps) {
    render(null, place);
    place.replaceChildren();
    show(sequences[0]);
  }
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
