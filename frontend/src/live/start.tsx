/** Starts what a page of the server has besides that of a file. */
import { render } from "preact";
import type { LiveData } from "./follow";
import { Live } from "./Live";
import { type StartPage, showReport } from "./swap";
import { type Choices, Task } from "./Task";
import "./live.css";

export function startLive(startPage: StartPage): void {
  const text = document.getElementById("live-data")?.textContent;
  const [place, task] = ["live", "task"].map((id) => document.getElementById(id));
  if (!place || !text) return;
  const live: LiveData = JSON.parse(text);
  if (live.page === "study" || live.folder) {
    render(<Live live={live} showReport={() => showReport(startPage)} />, place);
  }
  if (task) {
    task.replaceChildren();
    const choices = live as LiveData & { choices: Choices };
    render(<Task live={choices} play={(data) => startPage(data, false)} />, task);
  }
}
