/** Browser tests of the admins' pages: all jobs, the dead-letter queue, connections. */
import type { Locator, Page } from "@playwright/test";
import { ask, connection, expect, expectNoHorizontalScroll, expectAccessible, progressAbove, signIn, status, streamingParams, test } from "./consoleFixture";

/** Loads pages of a list until it has such a row: the other tests' connections are in it too. */
async function loadUntil(page: Page, row: Locator): Promise<void> {
  const more = page.getByRole("button", { name: "Load more" });
  await expect
    .poll(async () => {
      if ((await row.count()) === 0 && (await more.isVisible())) await more.click();
      return row.count();
    })
    .toBeGreaterThan(0);
}

/** Parameters of a job that fails in all its attempts, which takes some seconds. */
const failingParams = { fail: "retry", steps: 0 };

test("other users see none of these pages", async ({ page, user }) => {
  await signIn(page, user);
  await expect(page.getByRole("link", { name: "My jobs" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Operations" })).toHaveCount(0);
  for (const path of ["/operate", "/operate/letters", "/operate/connections"]) {
    await page.goto(new URL(path, page.url()).href);
    await expect(page.getByRole("alert")).toHaveText("Only admins can view this page.");
    await expect(page.getByRole("main").getByRole("button")).toHaveCount(0);
  }
});

test("an admin lists connections, sends a message and closes a connection", async ({ page, browser, user }) => {
  const userPage = await browser.newPage();
  await signIn(userPage, user);
  await signIn(page, `${user}-root`, "/operate/connections", true);
  const rows = page.locator("main [data-row]");
  const confirm = (action: string) => page.getByRole("dialog").getByRole("button", { name: action, exact: true }).click();
  await page.getByRole("searchbox", { name: "Search" }).fill(`${user}-root`);
  await loadUntil(page, rows);
  await expect(rows).toHaveCount(1);
  await page.getByRole("searchbox", { name: "Search" }).fill("");
  await page.getByRole("searchbox", { name: "User" }).fill(user);
  await page.getByRole("button", { name: "Show user" }).click();
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText("Connected");
  await page.getByLabel(`Message ${user}`).fill("Back in 5 minutes.");
  await page.getByRole("button", { name: "Send" }).click();
  await confirm("Keep as it is");
  await page.getByRole("button", { name: "Send" }).click();
  await confirm("Send message");
  await expect(page.getByText("Message sent to 1 connection; 0 already closed, 0 unreachable.")).toBeVisible();

  // The message was sent once, and the user sees it.
  await expect(userPage.getByRole("log").getByText("Back in 5 minutes.")).toHaveCount(1);

  const userStatus = connection(userPage);
  await userStatus.evaluate((element) => {
    const seen: string[] = ((window as any).seen = []);
    new MutationObserver(() => seen.push(element.textContent!)).observe(element, { childList: true, characterData: true, subtree: true });
  });
  await rows.getByRole("button", { name: /^Close / }).click();
  await confirm("Close connection");
  await expect(page.getByText(/^Connection .* closed\.$/)).toBeVisible();
  // The client reconnects by itself, on another connection.
  await expect.poll(() => userPage.evaluate(() => (window as any).seen as string[])).toContain("Disconnected");
  await expect(userStatus).toHaveText("Connected");
  const open = rows.filter({ has: page.getByRole("button", { name: /^Close / }) });
  await expect
    .poll(async () => {
      await page.getByRole("button", { name: "Refresh" }).click();
      return [await rows.filter({ hasText: "Disconnected" }).count(), await open.count()];
    })
    .toEqual([1, 1]);
  // Live connections come first, whatever the order.
  for (const column of ["User", "Status", "Opened"]) {
    await page.getByRole("columnheader", { name: column }).getByRole("button").click();
    await expect(rows.first()).toContainText("Connected");
    await expect(rows.last()).toContainText("Disconnected");
  }
  await page.getByRole("button", { name: "Close idle connections" }).click();
  await confirm("Close idle connections");
  await expect(page.getByText(/^Connections idle for more than an hour: 0 closed, 0 already gone/)).toBeVisible();
  await userPage.close();
});

test("an admin follows another user's job and cancels it", async ({ page, browser, user }) => {
  const userPage = await browser.newPage();
  await signIn(userPage, user);
  const question = `followed by an admin ${user}`;
  await ask(userPage, question, "noop", streamingParams(1000));
  await signIn(page, `${user}-root`, "/operate", true);
  const row = page.locator("main [data-row]").filter({ hasText: question });
  await expect(row).toContainText(user);
  await page.getByRole("searchbox", { name: "User" }).fill(user);
  await page.getByRole("button", { name: "Show user" }).click();
  await expect(page.getByRole("main").getByText(`1 job for ${user}`)).toBeVisible();
  await row.getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(question);
  await expect(page.locator(".facts").first()).toContainText(user);
  await progressAbove(page, (await progressAbove(page, 0)) - 1);
  await page.getByRole("button", { name: "Cancel" }).click();
  for (const tab of [page, userPage]) await expect(status(tab)).toHaveText("Cancelled");
  await userPage.getByText(/^Timeline/).click();
  await expect(userPage.locator(".timeline .events li").last()).toContainText("Cancelled by operator");
  await userPage.close();
});

test("an admin replays a failed job from the dead-letter queue and from its page", async ({ page, browser, user }) => {
  const userPage = await browser.newPage();
  await signIn(userPage, user);
  const id = await ask(userPage, "always fails", "noop", failingParams);
  await expect(status(userPage)).toHaveText("Failed");
  await signIn(page, `${user}-root`, "/operate/letters", true);
  const letter = page.getByRole("main").getByRole("listitem").filter({ has: page.locator(`a[href="/jobs/${id}"]`) });
  const refreshedCount = async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    return letter.count();
  };
  await expect.poll(refreshedCount).toBe(1);
  await expect(letter.getByRole("heading")).toHaveText(`always fails · ${user}`);
  await expect(letter).toContainText("NOOP_FAILED");
  // Nothing is replayed without a confirmation that says what will happen.
  await page.getByRole("button", { name: /^Replay all/ }).click();
  await expect(page.getByRole("dialog")).toContainText(/\d+ jobs? runs? again/);
  await page.getByRole("button", { name: "Keep as it is" }).click();
  await expect(letter).toHaveCount(1);
  await expect(letter).toContainText("Replaying runs the job again.");
  await letter.getByRole("button", { name: /^Replay/ }).click();
  await expect(page.getByText(`${id} was replayed.`)).toBeVisible();
  // The new run fails too, and has a dead letter of its own.
  const second = letter.filter({ hasText: "Run 1" });
  await expect.poll(async () => (await refreshedCount(), second.count())).toBe(1);
  await second.getByRole("link").click();
  await expect(status(page)).toHaveText("Failed");
  await page.getByRole("button", { name: "Replay" }).click();
  await expect(status(page)).not.toHaveText("Failed");
  await expect(page.getByText("Replayed by an operator: 2 times")).toBeAttached();
  await expect(status(page)).toHaveText("Failed");
  await userPage.close();
});

test('"Ask again" submits the same parameters', async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "with parameters", "noop", { steps: 2, text: 6 });
  await expect(status(page)).toHaveText("Completed");
  await page.reload();
  await expect(page.locator(".facts").first()).toContainText("noop");
  await page.getByRole("button", { name: "Ask again" }).click();
  await expect(page.getByLabel("Parameters (JSON)")).toHaveValue('{"steps":2,"text":6}');
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(status(page)).toHaveText("Completed");
  await expect(page.locator(".markdown")).toContainText("2 2 2");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the admins' pages at 390 px, ${colorScheme}`, async ({ browser, user }, { project }) => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    const checkLayout = async (name: string) => {
      await expectNoHorizontalScroll(page);
      await expectAccessible(page);
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: `${project.outputDir}/screenshots/${name}-390-${colorScheme}.png`, fullPage: true });
    };
    await signIn(page, user, "/", true);
    await ask(page, "always fails", "noop", failingParams);
    await expect(status(page)).toHaveText("Failed");
    await checkLayout("failed-admin");
    await page.getByRole("link", { name: "Operations" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("All jobs");
    await page.getByRole("searchbox", { name: "User" }).fill(user);
    await page.getByRole("button", { name: "Show user" }).click();
    await expect(page.locator("main [data-row]")).toHaveCount(1);
    await checkLayout("operate-jobs");
    await page.getByRole("link", { name: "Dead-letter queue" }).click();
    await expect
      .poll(async () => {
        await page.getByRole("button", { name: "Refresh" }).click();
        return page.getByRole("main").getByRole("listitem").filter({ hasText: user }).count();
      })
      .toBe(1);
    await checkLayout("operate-letters");
    await page.getByRole("link", { name: "Connections" }).click();
    await loadUntil(page, page.locator("main [data-row]").filter({ hasText: user }));
    await checkLayout("operate-connections");
    await context.close();
  });
}
