/** Two designs side by side, with what differs marked. */

interface Row {
  label: string;
  text: string;
  number: number | null;
}

/** As `sequence_search.page.designs.compared_data` writes it. */
export interface Design {
  title: string;
  category: string;
  rows: Row[];
}

const NOTICED = 0.01; // relative difference from which on a row is marked

/** Follow the boxes of the cards; a third one chosen takes the place of the first. */
export function startComparing(designs: Design[], place: HTMLElement): void {
  const boxes = [...document.querySelectorAll<HTMLInputElement>("[data-compare]")];
  let chosen: HTMLInputElement[] = [];
  for (const box of boxes) {
    box.addEventListener("change", () => {
      chosen = box.checked ? [...chosen, box] : chosen.filter((other) => other !== box);
      if (chosen.length > 2) (chosen.shift() as HTMLInputElement).checked = false;
      show(
        chosen.map((each) => Number(each.dataset.compare)),
        designs,
        place,
      );
    });
  }
}

function show(chosen: number[], designs: Design[], place: HTMLElement): void {
  place.replaceChildren();
  if (chosen.length < 2) return;
  const pair = chosen.map((at) => designs[at]);
  const columns = chosen.map((at, side) => {
    const figure = document.createElement("figure");
    figure.append(text("h3", pair[side].title), text("p", pair[side].category));
    const drawn = document.querySelector(`[data-design="${at}"] img`)?.cloneNode();
    if (drawn) figure.append(drawn);
    return figure;
  });
  const diagrams = document.createElement("div");
  diagrams.className = "pair";
  diagrams.append(...columns);
  place.append(diagrams, tableOf(pair));
  place.scrollIntoView({ behavior: "smooth", block: "nearest" });
}

function tableOf([first, second]: Design[]): HTMLTableElement {
  const table = document.createElement("table");
  table.className = "compared";
  const head = table.createTHead().insertRow();
  head.append(
    document.createElement("td"),
    text("th", first.title),
    text("th", second.title),
    text("th", "difference"),
  );
  const labels = [...new Set([...first.rows, ...second.rows].map((row) => row.label))];
  const body = table.createTBody();
  for (const label of labels) {
    const [one, other] = [first, second].map(({ rows }) => rows.find((row) => row.label === label));
    const row = body.insertRow();
    row.append(text("th", label), text("td", one?.text ?? "–"), text("td", other?.text ?? "–"));
    const [a, b] = [one?.number ?? null, other?.number ?? null];
    const differs =
      a === null || b === null
        ? one?.text !== other?.text
        : Math.abs(a - b) > NOTICED * Math.max(Math.abs(a), Math.abs(b));
    row.append(text("td", a === null || b === null ? "" : relative(a, b)));
    row.classList.toggle("differs", differs);
  }
  return table;
}

function relative(from: number, to: number): string {
  if (from === 0) return to === 0 ? "" : String(to - from);
  const percent = (100 * (to - from)) / Math.abs(from);
  const sign = percent < 0 ? "−" : "+";
  return Math.abs(percent) < 0.05 ? "" : `${sign}${Math.abs(percent).toPrecision(3)} %`;
}

function text(name: string, content: string): HTMLElement {
  const element = document.createElement(name);
  element.textContent = content;
  return element;
}
