/** Starts what a page holds: its data stand in it as JSON. */
import { render } from "preact";
import type { Sequence } from "./engine/sequence";
import { readProblem } from "./page/model";
import { Playground } from "./page/Playground";
import { type Design, startComparing } from "./report/compare";
import "./style.css";

interface Data {
  problem: Parameters<typeof readProblem>[0];
  sequences: Sequence[];
  designs?: Design[];
}

const place = document.getElementById("playground");
const text = document.getElementById("data")?.textContent;
if (place && text) {
  const data: Data = JSON.parse(text);
  const problem = readProblem(data.problem);
  const show = (chosen: number) =>
    render(<Playground key={chosen} problem={problem} sequence={data.sequences[chosen]} />, place);
  place.replaceChildren();
  show(0);
  const compared = document.getElementById("compare");
  if (data.designs && compared) startComparing(data.designs, compared);
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-play]")) {
    button.addEventListener("click", () => {
      show(Number(button.dataset.play));
      place.scrollIntoView({ behavior: "smooth" });
    });
  }
}
