/** Browser tests of what a job's page shows: the answer as it streams, charts, tables, JSON, code, and running it again. */
import { readFile } from "node:fs/promises";
import { ask, expect, origin, progressAbove, signIn, status, streamingParams, test } from "./consoleFixture";

test("a selection survives while the answer streams", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "selected", "noop", streamingParams(24));
  const before = await progressAbove(page, 10);
  await expect(page.locator(".markdown")).toContainText("1 1 1");
  const selected = await page.evaluate(() => {
    const text = document.createTreeWalker(document.querySelector(".markdown")!, NodeFilter.SHOW_TEXT).nextNode()!;
    getSelection()!.setBaseAndExtent(text, 0, text, 20);
    return getSelection()!.toString();
  });
  expect(selected.length).toBeGreaterThan(10);
  await progressAbove(page, before + 20);
  expect(await page.evaluate(() => getSelection()!.toString())).toBe(selected);
});

test("the parts of a hierarchical table stay with their parents when it is sorted", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "Why did it rise in March?");
  await expect(page.getByRole("img", { name: /A waterfall of \d+ changes/ })).toBeVisible();
  const names = () => page.locator(".markdown tbody tr td:first-child").allInnerTexts();
  const families = async () => {
    const result: string[][] = [];
    for (const name of await names()) if (name.startsWith("·")) result.at(-1)!.push(name);
      else result.push([name]);
    return result;
  };
  const original = await families();
  expect(original.length).toBeGreaterThan(1);
  await page.getByRole("columnheader", { name: /^Change/ }).getByRole("button").click();
  const sorted = await families();
  expect(sorted.map(([parent]) => parent)).toEqual(original.map(([parent]) => parent).reverse());
  const members = (list: string[][]) => Object.fromEntries(list.map(([parent, ...parts]) => [parent, parts.sort()]));
  expect(members(sorted)).toEqual(members(original));

  const [csv] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click()]);
  const lines = (await readFile(await csv.path(), "utf8")).split("\r\n");
  expect(lines[0]).toBe("Where,Before,After,Change");
  expect(lines[1]).toMatch(/^[\w ]+,\d+\.\d\d,\d+\.\d\d,\d+\.\d\d$/);
  expect(lines.length - 2).toBe(sorted.flat().length);

  // At the width of a phone no number is broken, and a spike is no good news.
  await page.setViewportSize({ width: 390, height: 844 });
  const heights = await page.locator(".markdown td[align=right], .unbroken").evaluateAll((cells) =>
    cells.filter((cell) => cell.textContent).map((cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
    }),
  );
  expect(Math.max(...heights)).toBe(1);
  const color = (name: string) => page.locator(`.amount.${name}`).first().evaluate((element) => getComputedStyle(element).color);
  expect(await color("excess")).not.toBe(await color("saving"));
});

test("a result is a tree that can be copied, code asks the same, and a job runs again by one click", async ({ page, user }) => {
  await signIn(page, user);
  const id = await ask(page, "again", "noop", { steps: 2, text: 6 });
  await expect(status(page)).toHaveText("Completed");
  await page.getByText("Parameters (JSON)").click();
  await expect(page.locator(".json").first()).toContainText("steps: 2");
  await page.getByRole("button", { name: "Copy JSON" }).click();
  await expect(page.getByRole("log")).toContainText("JSON copied.");
  expect(JSON.parse(await page.evaluate(() => navigator.clipboard.readText()))).toEqual({ steps: 2, text: 6 });
  await page.getByText("Ask this from code").click();
  await page.getByLabel("Language").selectOption("Command line");
  await expect(page.locator("article pre code")).toHaveText(`longhaul ask --kind noop --params '{"steps":2,"text":6}' again`);

  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  await expect(status(page)).toHaveText("Completed");
  await expect(page.locator(".markdown")).toContainText("2 2 2");
});

test("a long question is no heading, and a time has its exact one on hover", async ({ page, user }) => {
  await signIn(page, user);
  const question = "Summarise each of these invoices. ".repeat(600).trim();
  await page.getByRole("textbox", { name: "Question" }).fill(question);
  await page.getByLabel("Kind").fill("noop");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(status(page)).toHaveText("Completed");
  expect((await page.getByRole("heading", { level: 1 }).innerText()).length).toBeLessThan(200);
  await page.getByText(/The whole question/).click();
  await expect(page.locator(".question pre")).toHaveText(question);
  await expect(page.locator(".facts time")).toHaveAttribute("title", /\d\d:\d\d:\d\d\.\d{3} UTC/);
  await page.goto(`${origin()}/jobs`);
  const row = page.locator("main [data-row]");
  await expect(row).toHaveCount(1);
  expect(await row.evaluate((element) => element.clientHeight)).toBeLessThan(60);
});
