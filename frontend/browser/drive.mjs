// Opens a page in Chromium, does what is asked for and writes what it saw as JSON.
// PAGE is a file, or the address of a server.
// node browser/drive.mjs PAGE CHROMIUM REPORT ACTIONS, with actions as [name, ...arguments] in JSON.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [, , file, executablePath, report, actions] = process.argv;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
const seen = { errors: [], requests: [], results: [] };
page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
page.on("pageerror", (error) => seen.errors.push(error.message));
page.on("request", (request) => seen.requests.push(request.url()));
await page.addInitScript(() => {
  Object.defineProperty(navigator, "clipboard", {
    value: {
      writeText: async (text) => {
        window.copied = text;
      },
    },
  });
});
await page.goto(file.startsWith("http:") ? file : `file://${file}`);

const isFramed = (await page.locator("iframe").count()) > 0;
/** Where the playground stands. */
const place = isFramed ? page.frameLocator("iframe") : page;
const handle = (label) => place.getByRole("slider", { name: label, exact: true });
/** Until the loss is over all voxels. */
const settle = () =>
  page.waitForFunction(() => {
    const loss = document.querySelector('[data-testid="loss"]')?.textContent;
    return loss && !loss.includes("≈");
  });
const does = {
  async drag(label, dx, dy) {
    const box = await handle(label).locator(".hit").boundingBox();
    const [x, y] = [box.x + box.width / 2, box.y + Math.min(box.height / 2, 12)];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + dx, y + dy, { steps: 8 });
    await page.mouse.up();
  },
  value: async (label) => place.getByLabel(label, { exact: true }).inputValue(),
  press: async (label, key) => handle(label).press(key),
  type: async (label, value) => page.getByLabel(label, { exact: true }).fill(value),
  choose: async (label, value) =>
    page.getByRole("combobox", { name: label, exact: true }).selectOption(value),
  click: async (name) => page.getByRole("button", { name, exact: true }).first().click(),
  check: async (name) => page.getByLabel(name, { exact: true }).check(),
  text: async (selector) => page.locator(selector).first().textContent(),
  count: async (selector) => page.locator(selector).count(),
  async read() {
    await settle();
    const loss = await page.getByTestId("loss").textContent();
    const signals = await page.locator('[data-testid^="signal"]').allInnerTexts();
    const copied = {};
    for (const name of ["JSON", "TOML", "command", "Python"]) {
      await page.getByRole("button", { name, exact: true }).click();
      await page.getByText(`${name} copied`).waitFor();
      copied[name] = await page.evaluate(() => window.copied);
    }
    return { loss: Number(loss.replace("−", "-")), signals: signals.map(Number), copied };
  },
  /** Frames a second while a handle moves in every frame, and what one takes of the processor [ms]. */
  async frames(label) {
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const busy = async () => {
      const { metrics } = await session.send("Performance.getMetrics");
      return 1000 * metrics.find(({ name }) => name === "TaskDuration").value;
    };
    const move = (count) =>
      handle(label).evaluate(async (element, count) => {
        const begun = performance.now();
        for (let at = 0; at < count; at++) {
          const key = at % 2 ? "ArrowUp" : "ArrowDown";
          element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
          await new Promise(requestAnimationFrame);
        }
        return (1000 * count) / (performance.now() - begun);
      }, count);
    await move(20);
    const before = await busy();
    const perSecond = await move(60);
    return { perSecond, busy: ((await busy()) - before) / 60 };
  },
  /** Until a text is seen, in a minute. */
  see: async (text) => page.getByText(text).first().waitFor({ timeout: 60_000 }),
  move: async (from, to) => renameSync(from, to),
  focus: async (selector) => page.locator(selector).first().focus(),
  key: async (key) => page.keyboard.press(key),
  /** What breaks the rules of accessibility seriously, in the light and in the dark. */
  async faults() {
    const found = [];
    await page.evaluate(readFileSync("node_modules/axe-core/axe.min.js", "utf8"));
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate(() => window.axe.run());
      for (const { id, impact, nodes } of violations) {
        if (["serious", "critical"].includes(impact)) found.push(`${colorScheme} ${id}: ${nodes[0].html}`);
      }
    }
    return found;
  },
  async size(width) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(200);
    return page.evaluate(() => document.documentElement.scrollWidth);
  },
};

for (const [name, ...given] of JSON.parse(actions)) seen.results.push((await does[name](...given)) ?? null);
await browser.close();
writeFileSync(report, JSON.stringify(seen));
