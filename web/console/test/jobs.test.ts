/** Browser tests of jobs: submitting, progress, the ways a job ends, and the list of jobs. */
import { readFile } from "node:fs/promises";
import { answer, answerOf, ask, expect, origin, progressAbove, signIn, status, streamingParams, test } from "./consoleFixture";

test("a question is answered with a chart, a sortable table and recommendations", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "Top 5 services in May");
  await expect(status(page)).toHaveText("Completed");
  await expect(page.getByRole("region", { name: "Answer" })).toContainText("You were billed");

  const chart = page.getByRole("img", { name: /^Cost by service\. 6 bars/ });
  await expect(chart).toBeVisible();
  const colorCount = () =>
    chart.evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    });
  await expect.poll(colorCount).toBeGreaterThan(2);

  const costs = () => page.locator(".markdown tbody tr td:nth-child(2)").allInnerTexts();
  const numbers = async () => (await costs()).slice(0, -1).map((text) => Number(text.replace(/,/g, "")));
  const [original, total] = [await numbers(), (await costs()).at(-1)];
  const heading = page.getByRole("columnheader", { name: /^Cost/ });
  await heading.getByRole("button").click();
  await expect(heading).toHaveAttribute("aria-sort", "ascending");
  expect(await numbers()).toEqual([...original].sort((a, b) => a - b));
  await heading.getByRole("button").press("Enter");
  await expect(heading).toHaveAttribute("aria-sort", "descending");
  expect(await numbers()).toEqual([...original].sort((a, b) => b - a));
  // The total stays at the end.
  expect((await costs()).at(-1)).toBe(total);

  const recommendations = page.getByRole("region", { name: "Recommendations" }).getByRole("listitem");
  await expect(recommendations.filter({ hasText: /\d.* could be saved/ }).first()).toBeVisible();
  // The answer does not repeat the cards, and a resource has its name, not its ARN.
  await expect(page.getByText("looks idle")).toHaveCount(1);
  await expect(page.locator("article")).not.toContainText("arn:aws");
});

test("progress rises while a job runs, and the timeline lists its events", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "rising", "noop", streamingParams(8));
  const first = await progressAbove(page, 5);
  await progressAbove(page, first);
  await expect(status(page)).toHaveText("Completed");
  expect(await answer(page)).toBe(answerOf(8));
  await page.getByText(/^Timeline: \d+ events/).click();
  const entries = page.locator(".timeline .events li");
  await expect(entries.first()).toContainText("Queued");
  await expect(entries.filter({ hasText: "Attempt 1" })).toHaveCount(1);
  await expect(entries.filter({ hasText: /Step \d of 8/ }).first()).toBeVisible();
  await expect(entries.last()).toContainText("Completed");
  await expect(page.locator(".bar")).toContainText(/Queued for \d.*, ran for \d/);
  const live = await entries.allInnerTexts();
  await page.reload();
  await page.getByText(/^Timeline: \d+ events/).click();
  await expect(entries.last()).toContainText("Completed");
  expect(await entries.allInnerTexts()).toEqual(live);
});

test("a cancelled job is shown as cancelled, also after a reload", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "endless", "noop", streamingParams(1000));
  await progressAbove(page, 4);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(status(page)).toHaveText("Cancelled");
  await expect(page.getByRole("button", { name: /Cancel/ })).toHaveCount(0);
  await page.reload();
  await expect(status(page)).toHaveText("Cancelled");
});

test("a failed job shows its error, and one that fails once is retried", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "refused", "noop", { fail: "reject" });
  await expect(status(page)).toHaveText("Failed");
  await expect(page.getByRole("alert")).toHaveText("It was asked to fail.");
  await expect(page.locator(".timeline .events li").last()).toContainText("NOOP_REJECTED");

  await page.getByRole("button", { name: "Ask again" }).click();
  await expect(page.getByRole("textbox", { name: "Question" })).toHaveValue("refused");
  await expect(page.getByLabel("Kind")).toHaveValue("noop");
  await ask(page, "fails once", "noop", { steps: 2, stepMs: 200, keep: true, fail: "retry", failures: 1 });
  await expect(page.locator(".notice")).toContainText(/^Attempt 1 failed: It was asked to fail. \(NOOP_FAILED\) The next one starts (in \d s|now)\./);
  await expect(status(page)).toHaveText("Completed");
  await page.getByText(/^Timeline/).click();
  const spans = page.getByRole("list", { name: "Waterfall" }).getByRole("listitem");
  const names = ["Queued", "Attempt 1", "noop", "noop", "Wait for attempt 2", "Attempt 2"];
  await expect(spans.locator(".name")).toHaveText(names);
  await expect(spans.nth(1)).toContainText("It was asked to fail. (NOOP_FAILED)");
  const live = await spans.allInnerTexts();
  await page.reload();
  await page.getByText(/^Timeline/).click();
  await expect(spans.locator(".name")).toHaveText(names);
  expect(await spans.allInnerTexts()).toEqual(live);
});

test("an invalid kind is refused with a message", async ({ page, user }) => {
  await signIn(page, user);
  await page.getByRole("textbox", { name: "Question" }).fill("why?");
  await page.getByLabel("Kind").fill("nonesuch");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("nonesuch");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("why?");
  await page.getByRole("button", { name: "Ask again" }).click();
  await expect(page.getByRole("textbox", { name: "Question" })).toHaveValue("why?");
});

test("an answer of 1 MB is shown in part, in full on request, and can be downloaded", async ({ page, user }) => {
  await signIn(page, user);
  const bytes = 1 << 20;
  await ask(page, "large", "noop", { bytes });
  await expect(status(page)).toHaveText("Completed");
  await expect(page.getByText("of 1,048,576 characters")).toBeVisible();
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download result" }).click()]);
  expect(JSON.parse(await readFile(await saved.path(), "utf8")).response.length).toBe(bytes);
  await page.getByRole("button", { name: "Show all" }).click();
  await expect.poll(() => page.locator(".markdown").evaluate((element) => element.textContent!.trim().length)).toBe(bytes);
});

test("two tabs show the same job, and another user's tab shows none", async ({ page, context, browser, user }) => {
  await signIn(page, user);
  await ask(page, "shared", "noop", streamingParams(28));
  await page.getByRole("button", { name: "Copy link" }).click();
  await expect(page.getByRole("log")).toContainText("Link copied.");
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const other = await context.newPage();
  await other.goto(link);
  await progressAbove(other, 5);
  await progressAbove(page, 5);
  for (const tab of [page, other]) await expect(status(tab)).toHaveText("Completed");
  expect([await answer(page), await answer(other)]).toEqual([answerOf(28), answerOf(28)]);

  const otherUser = await browser.newPage();
  await signIn(otherUser, `${user}-other`, link.slice(origin().length));
  await expect(otherUser.getByRole("alert")).toHaveText("This job does not exist, is past its retention period, or belongs to another user.");
  await otherUser.close();
});

test("the list follows open jobs, shows new ones, and can be searched and filtered", async ({ page, context, user }) => {
  await signIn(page, user);
  await ask(page, "quick one", "noop", {});
  await expect(status(page)).toHaveText("Completed");
  await page.getByRole("link", { name: "My jobs" }).click();
  const rows = page.locator("main [data-row]");
  await expect(rows).toHaveCount(1);

  const other = await context.newPage();
  await other.goto(`${origin()}/`);
  await ask(other, "slow one", "noop", streamingParams(40));
  const slow = rows.filter({ hasText: "slow one" });
  await expect(slow).toContainText("Processing");
  // Progress rises more often than the list is refreshed, so it must come from the followed job.
  let percent = 5;
  for (let rises = 0; rises < 3; rises++) percent = await progressAbove(page, percent, "Progress of slow one");
  await page.getByLabel("Status").selectOption("completed");
  await expect(rows).toHaveText([/quick one/]);
  await page.getByLabel("Status").selectOption("");
  await expect(slow).toContainText("Completed");

  await page.getByRole("searchbox", { name: "Search" }).fill("one quick");
  await expect(rows).toHaveText([/quick one/]);
  await expect(page.getByRole("main").getByRole("status")).toHaveText("Showing 1 of 2 jobs");
  await rows.getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("quick one");
});
