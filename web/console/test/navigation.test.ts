/** Browser tests of addresses, the keyboard, the theme and messages: what every page has. */
import { ask, connection, expect, expectAccessible, origin, signIn, status, streamingParams, submitAll, test } from "./consoleFixture";

test("a malformed or unknown address has a page that says so", async ({ page, user }) => {
  await signIn(page, user);
  for (const path of ["/jobs/%E0%A4%A", "/nothing/here", "/operate/nothing"]) {
    await page.goto(origin() + path);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Page not found");
  }
  await expectAccessible(page);
  await page.getByRole("main").getByRole("link", { name: "My jobs" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("My jobs");
  await expect(page.getByRole("main")).toContainText("You have no jobs yet");
  await expect(page.getByRole("main")).toContainText(`longhaul ask --user ${user}`);
});

test("after a refusal the Ask link opens a new form, and a message goes when its cause is mended", async ({ page, user }) => {
  await signIn(page, user);
  await page.getByRole("textbox", { name: "Question" }).fill("why?");
  await page.getByText("Parameters (JSON)").click();
  await page.getByLabel("Parameters (JSON)").fill("{");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("must be a JSON object");
  await page.getByLabel("Parameters (JSON)").fill("{}");
  await expect(page.getByRole("alert")).toHaveCount(0);

  await page.getByLabel("Kind").fill("nonesuch");
  await page.getByRole("textbox", { name: "Question" }).press("Control+Enter");
  await expect(page.getByRole("alert")).toContainText("nonesuch");
  await page.getByRole("link", { name: "Ask", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Ask a question");
  await expect(page.getByRole("textbox", { name: "Question" })).toHaveValue("");
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("the list has 20 rows on a screen, and Back keeps its filters", async ({ page, user }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await signIn(page, user);
  await submitAll(page, user, Array.from({ length: 20 }, (_, at) => ({ query: `row ${at + 1}`, params: at === 4 ? { fail: "reject" } : {} })));
  await page.getByRole("link", { name: "My jobs" }).click();
  const rows = page.locator("main [data-row]");
  await expect(rows).toHaveCount(20);
  const bottom = await rows.nth(19).evaluate((row) => row.getBoundingClientRect().bottom);
  expect(bottom).toBeLessThanOrEqual(900);
  await expect(rows.filter({ hasText: "NOOP_REJECTED" })).toHaveCount(1);

  await page.getByLabel("Status").selectOption("failed");
  await page.getByRole("searchbox", { name: "Search" }).fill("rejected row");
  await expect(rows).toHaveCount(1);
  await rows.getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("row 5");
  await page.goBack();
  await expect(page.getByLabel("Status")).toHaveValue("failed");
  await expect(page.getByRole("searchbox", { name: "Search" })).toHaveValue("rejected row");
  await expect(rows).toHaveCount(1);
  await page.reload();
  await expect(rows).toHaveText([/row 5/]);
});

test("keys search, move through rows and list themselves; the theme is chosen and remembered", async ({ page, user }) => {
  await signIn(page, user);
  await submitAll(page, user, [{ query: "older" }, { query: "newer" }]);
  await page.getByRole("link", { name: "My jobs" }).click();
  const rows = page.locator("main [data-row]");
  await expect(rows).toHaveCount(2);
  await page.keyboard.press("/");
  await expect(page.getByRole("searchbox", { name: "Search" })).toBeFocused();
  await page.keyboard.type("j/?");
  await expect(page.getByRole("searchbox", { name: "Search" })).toHaveValue("j/?");
  await page.getByRole("searchbox", { name: "Search" }).fill("");
  await page.getByRole("heading", { level: 1 }).focus();
  for (const [key, row] of [["j", 0], ["j", 1], ["j", 1], ["k", 0]] as const) {
    await page.keyboard.press(key);
    await expect(rows.nth(row).getByRole("link")).toBeFocused();
  }
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toContainText("Next and previous row");
  await expectAccessible(page);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toHaveCount(0);

  const background = () => page.evaluate(() => Math.max(...getComputedStyle(document.body).backgroundColor.match(/\d+/g)!.map(Number)));
  expect(await background()).toBeGreaterThan(200);
  await page.getByRole("button", { name: "Colours: system" }).click();
  await page.getByRole("button", { name: "Colours: light" }).click();
  expect(await background()).toBeLessThan(60);
  await page.reload();
  await expect(page.getByRole("button", { name: "Colours: dark" })).toBeVisible();
  expect(await background()).toBeLessThan(60);
});

test("the renderers of answers are loaded where there is an answer", async ({ page, user }) => {
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  const has = (name: string) => loaded.some((path) => path.includes(`/${name}-`));
  await signIn(page, user);
  // The pages themselves are loaded in the background, so that they work offline.
  await expect.poll(() => has("JobPage")).toBe(true);
  await ask(page, "no chart", "noop", { steps: 1, text: 20 });
  await expect(status(page)).toHaveText("Completed");
  expect([has("Markdown"), has("CostChart")]).toEqual([true, false]);
});

test("on a machine whose clock is an hour ahead, durations are right", async ({ page, user }) => {
  await page.addInitScript(() => {
    const [RealDate, skew] = [Date, 3_600_000];
    class SkewedDate extends RealDate {
      constructor(...parts: []) {
        super(...((parts.length ? parts : [RealDate.now() + skew]) as []));
      }
      static now() {
        return RealDate.now() + skew;
      }
    }
    window.Date = SkewedDate as DateConstructor;
  });
  await signIn(page, user);
  await ask(page, "skewed", "noop", streamingParams(1000));
  await expect(page.locator(".facts")).toContainText(/Running for (\d{1,2} s|[1-9] min)/);
  await expect(page.locator(".facts")).toContainText(/Submitted (now|\d+ s ago|[1-9] min ago)/);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(status(page)).toHaveText("Cancelled");
  await expect(connection(page)).toHaveText("Connected");
});
