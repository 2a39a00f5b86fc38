/**
 * Takes the pictures of the console for its documentation: each page wide and on a phone, light and dark, on one sheet.
 *
 * usage: node scripts/pictures.mjs CONSOLE_URL FOLDER, with the path of a Chromium in CHROMIUM. The console has to be
 * that of an embedded cloud with a new data folder, as development tokens are used and its lists should have only
 * what this script submits.
 */
import { chromium } from "@playwright/test";
import { writeFile } from "node:fs/promises";

const [origin, folder] = process.argv.slice(2);
const VARIANTS = ["light", "dark"].flatMap((colorScheme) => [1440, 390].map((width) => ({ colorScheme, width })));
const HEIGHT = 900;
/** The size of a page on its sheet. */
const SCALE = 0.6;

/** The jobs by name: user, question, kind and parameters. */
const JOBS = {
  answer: ["alice", "Top 5 services in May"],
  comparison: ["alice", "May vs April"],
  why: ["bob", "Why did it rise in March?"],
  trend: ["alice", "Trend of DynamoDB"],
  forecast: ["carol", "Forecast to 31 August"],
  days: ["alice", "Spend by day in March"],
  summary: ["carol", "Weekly summary for finance", "noop", { fail: "retry", steps: 0 }],
  failed: ["alice", "Nightly export of the bill", "noop", { fail: "reject" }],
  words: ["bob", "Count the words of each contract", "noop", { steps: 3, text: 60 }],
  running: ["alice", "Reconcile all accounts", "noop", { steps: 400, stepMs: 3000, text: 120 }],
  import: ["bob", "Import the invoices of May", "noop", { steps: 900, stepMs: 3000 }],
};

/** Short jobs of one user, so that a list is full. */
const SHORT_JOBS = ["Check the invoices", "Convert the March export", "Count the words of each contract", "Compare two price lists", "Sort the receipts", "Translate the manual"];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM });

/** Opens a page of the console as this user. */
async function open(path, { user = "alice", colorScheme = "light", width = 1440 } = {}) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: HEIGHT } });
  await context.addInitScript((user) => {
    localStorage.setItem("longhaul-console-user", user);
    localStorage.setItem("longhaul-console-admin", "true");
  }, user);
  const page = await context.newPage();
  page.setDefaultTimeout(180_000);
  await page.goto(origin + path);
  await page.locator("header").getByText("Connected").waitFor();
  return page;
}

const ids = {};
for (const [name, [user, question, kind = "finops", params]] of Object.entries(JOBS)) {
  const page = await open(`/?${new URLSearchParams({ q: question, kind, ...(params && { params: JSON.stringify(params) }) })}`, { user });
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.waitForURL(/\/jobs\/[0-9a-f-]{36}$/);
  ids[name] = page.url().split("/").at(-1);
  const status = kind === "finops" || name === "words" ? /Completed/ : params.fail ? /Failed/ : /Processing/;
  await page.locator("article .status", { hasText: status }).waitFor();
  await page.context().close();
}

const seed = await open("/", { user: "alice" });
await seed.evaluate(async (queries) => {
  const response = await fetch("/_local/token?user=alice&admin=false", { method: "POST" });
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}?token=${(await response.json()).token}`);
  await new Promise((opened) => socket.addEventListener("open", opened));
  for (const [index, query] of queries.entries()) {
    const ended = new Promise((done) => socket.addEventListener("message", ({ data }) => JSON.parse(data).type === "job_completed" && done()));
    socket.send(JSON.stringify({ action: "query", kind: "noop", query, params: { steps: 1 + (index % 5), stepMs: 100 }, idempotencyKey: crypto.randomUUID() }));
    await ended;
  }
  socket.close();
}, [...SHORT_JOBS, ...SHORT_JOBS, ...SHORT_JOBS]);
await seed.context().close();

/** The pages by the name of their picture: the address, what has to be visible, and what to do before. */
const job = (name, visible) => [`/jobs/${ids[name]}`, visible];
const PAGES = {
  ask: ["/", "h1"],
  jobs: ["/jobs", "[data-row]"],
  answer: job("answer", ".markdown table"),
  comparison: job("comparison", ".markdown table"),
  why: job("why", ".markdown table"),
  running: job("running", ".markdown"),
  failed: job("failed", "[role=alert]"),
  empty: ["/jobs", ".empty", undefined, "dave"],
  keys: ["/nothing/here", "h1", (page) => page.keyboard.press("?")],
  "all-jobs": ["/operate", "[data-row]"],
  "dead-letters": ["/operate/letters", ".letters a:text(\"Weekly summary\")"],
  connections: ["/operate/connections", "[data-row]"],
  "sign-in": ["/", "h1", (page) => page.getByRole("button", { name: /^Sign out/ }).click()],
};

for (const [name, [path, visible, act, user]] of Object.entries(PAGES)) {
  const pictures = [];
  for (const variant of VARIANTS) {
    const page = await open(path, { ...variant, user });
    await page.locator(visible).first().waitFor();
    await act?.(page);
    await page.waitForLoadState("networkidle");
    pictures.push((await page.screenshot()).toString("base64"));
    await page.context().close();
  }
  await writeFile(`${folder}/console-${name}.webp`, Buffer.from(await compose(pictures), "base64"));
  console.log(name);
}
await browser.close();

/** The pictures on one sheet, a colour scheme in each row. */
async function compose(pictures) {
  const page = await browser.newPage();
  const sheet = await page.evaluate(
    async ({ pictures, widths, height, scale }) => {
      const gap = 10;
      const canvas = document.createElement("canvas");
      canvas.width = (widths[0] + widths[1]) * scale + 3 * gap;
      canvas.height = 2 * height * scale + 3 * gap;
      const context = canvas.getContext("2d");
      context.fillStyle = "#9499ad";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.imageSmoothingQuality = "high";
      for (const [index, picture] of pictures.entries()) {
        const image = new Image();
        image.src = `data:image/png;base64,${picture}`;
        await image.decode();
        const x = gap + (index % 2) * (widths[0] * scale + gap);
        context.drawImage(image, x, gap + Math.floor(index / 2) * (height * scale + gap), widths[index % 2] * scale, height * scale);
      }
      return canvas.toDataURL("image/webp", 0.82).split(",")[1];
    },
    { pictures, widths: VARIANTS.slice(0, 2).map(({ width }) => width), height: HEIGHT, scale: SCALE },
  );
  await page.close();
  return sheet;
}
