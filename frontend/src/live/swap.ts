/** A new report in place of the one that is shown, without what the reader did being lost. */

import type { Sequence } from "../engine/sequence";

// Of `sequence_search.strategies.result`.
const [FAMILY_FLIP, FAMILY_DELAY] = [(8 * Math.PI) / 180, 0.15];

/** As `main.tsx` starts a page: a playground that is kept goes on as it is. */
export type StartPage = (data: { sequences?: Sequence[] }, keeps: boolean) => void;

/** Fetch the report and show it; the `results` that it is of. An Error of all lines if there is none. */
export async function showReport(startPage: StartPage): Promise<string> {
  const answer = await fetch("/report");
  if (!answer.ok) throw new Error((await answer.json()).errors.join("\n"));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  swapIn(fresh, startPage);
  return read(fresh, "live-data").results as string;
}

function swapIn(fresh: Document, startPage: StartPage): void {
  const [main, next] = [document, fresh].map((page) => page.querySelector("main") as HTMLElement);
  const compared = sequencesOf(document, checked(main));
  const opened = new Set(
    [...main.querySelectorAll("details[open] > summary")].map((each) => each.textContent),
  );
  const focused = document.activeElement as HTMLElement | null;
  const heading = headingInView(main);
  const top = heading?.getBoundingClientRect().top ?? 0;

  moved(next, "live");
  const keeps = moved(next, "playground");
  document.title = fresh.title;
  const data = document.getElementById("data") as HTMLElement;
  data.textContent = fresh.getElementById("data")?.textContent ?? "{}";
  main.replaceWith(document.adoptNode(next));
  startPage(read(document, "data"), keeps);

  const boxes = next.querySelectorAll<HTMLInputElement>("[data-compare]");
  const designs = sequencesOf(document, boxes);
  for (const sequence of compared) {
    boxes[designs.findIndex((design) => sameFamily(design, sequence))]?.click();
  }
  for (const summary of next.querySelectorAll("summary")) {
    if (opened.has(summary.textContent)) (summary.parentElement as HTMLDetailsElement).open = true;
  }
  const again = [...headings(next)].find((each) => each.textContent === heading?.textContent);
  if (again && heading?.tagName !== "H1") scrollBy(0, again.getBoundingClientRect().top - top);
  if (focused?.isConnected) focused.focus({ preventScroll: true });
}

/** Put what stands in this page in place of that of the next one; whether both have it. */
function moved(next: HTMLElement, id: string): boolean {
  const [here, there] = [document.getElementById(id), next.querySelector(`#${id}`)];
  if (here && there) there.replaceWith(document.adoptNode(here));
  return Boolean(here && there);
}

function checked(main: HTMLElement): NodeListOf<HTMLInputElement> {
  return main.querySelectorAll("[data-compare]:checked");
}

function sequencesOf(page: Document, boxes: NodeListOf<HTMLInputElement>): Sequence[] {
  const { sequences } = read(page, "data") as unknown as { sequences: Sequence[] };
  return [...boxes].map((box) => sequences[Number(box.dataset.compare)]);
}

/** Whether it is one design, though its number or, with more seeds, its last digits change: as in Python. */
export function sameFamily(one: Sequence, other: Sequence): boolean {
  const near = (a: number, b: number) => Math.abs(Math.abs(a) - Math.abs(b)) < FAMILY_FLIP;
  const alike = (a: number, b: number) => Math.abs(Math.log(a / b)) < FAMILY_DELAY || a === b;
  return (
    one.flip.length === other.flip.length &&
    one.delay.length === other.delay.length &&
    JSON.stringify(one.layout) === JSON.stringify(other.layout) &&
    one.flip.every((angle, at) => near(angle, other.flip[at])) &&
    one.delay.every((delay, at) => alike(delay, other.delay[at]))
  );
}

function headings(main: HTMLElement): NodeListOf<HTMLElement> {
  return main.querySelectorAll("h1, h2");
}

function headingInView(main: HTMLElement): HTMLElement | undefined {
  return [...headings(main)].findLast((each) => each.getBoundingClientRect().top < innerHeight / 2);
}

function read(page: Document, id: string): Record<string, unknown> {
  return JSON.parse(page.getElementById(id)?.textContent ?? "{}");
}
