/** The operators' view: admins look after the jobs and connections of others, and nobody else does. */
import { ask, connection, expect, fitsItsWidth, isAccessible, progressAbove, signIn, status, talkative, test } from "./consoleFixture";

/** What fails until its attempts are used up, which takes some seconds. */
const doomed = { fail: "retry", steps: 0 };

test("who is no admin sees none of it", async ({ page, user }) => {
  await signIn(page, user);
  await expect(page.getByRole("link", { name: "Jobs" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Operations" })).toHaveCount(0);
  for (const path of ["/operate", "/operate/letters", "/operate/connections"]) {
    await page.goto(new URL(path, page.url()).href);
    await expect(page.getByRole("alert")).toHaveText("Only admins can view this page.");
    await expect(page.getByRole("main").getByRole("button")).toHaveCount(0);
  }
});

test("an admin sees who is connected, tells them something, and closes a connection", async ({ page, browser, user }) => {
  const theirs = await browser.newPage();
  await signIn(theirs, user);
  await signIn(page, `${user}-root`, "/operate/connections", true);
  const rows = page.getByRole("main").getByRole("listitem");
  await expect(rows.filter({ hasText: `${user}-root` })).toHaveCount(1);
  await page.getByRole("searchbox", { name: "User" }).fill(user);
  await page.getByRole("button", { name: "Search" }).click();
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText("Connected");
  await page.getByLabel(`Message ${user}`).fill("Maintenance starts in 5 minutes.");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByText("Message sent to 1 connection; 0 already closed, 0 unreachable.")).toBeVisible();

  const said: string[] = [];
  const main = connection(theirs);
  await main.evaluate((shown) => {
    const seen: string[] = ((window as any).seen = []);
    new MutationObserver(() => seen.push(shown.textContent!)).observe(shown, { childList: true, characterData: true, subtree: true });
  });
  await rows.getByRole("button", { name: /^Close / }).click();
  await expect(page.getByText(/^Connection .* closed\.$/)).toBeVisible();
  // Its client comes back by itself, on another connection.
  await expect.poll(async () => said.concat(await theirs.evaluate(() => (window as any).seen))).toContain("Disconnected");
  await expect(main).toHaveText("Connected");
  const open = rows.filter({ has: page.getByRole("button", { name: /^Close / }) });
  await expect
    .poll(async () => {
      await page.getByRole("button", { name: "Refresh" }).click();
      return [await rows.filter({ hasText: "Disconnected" }).count(), await open.count()];
    })
    .toEqual([1, 1]);
  await page.getByRole("button", { name: "Close idle connections" }).click();
  await expect(page.getByText(/^Connections idle for more than an hour: 0 closed, 0 already gone/)).toBeVisible();
  await theirs.close();
});

test("an admin sees another's job, live, and ends it", async ({ page, browser, user }) => {
  const theirs = await browser.newPage();
  await signIn(theirs, user);
  const question = `overseen ${user}`;
  await ask(theirs, question, "noop", talkative(1000));
  await signIn(page, `${user}-root`, "/operate", true);
  const row = page.getByRole("main").getByRole("listitem").filter({ hasText: question });
  await expect(row).toContainText(user);
  await page.getByRole("searchbox", { name: "User" }).fill(user);
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("main").getByText(`1 job for ${user}`)).toBeVisible();
  await row.getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(question);
  await expect(page.locator(".facts").first()).toContainText(user);
  await progressAbove(page, (await progressAbove(page, 0)) - 1);
  await page.getByRole("button", { name: "Cancel" }).click();
  for (const tab of [page, theirs]) await expect(status(tab)).toHaveText("Cancelled");
  await theirs.getByText(/^Timeline/).click();
  await expect(theirs.locator(".timeline li").last()).toContainText("Cancelled by operator");
  await theirs.close();
});

test("an admin replays what failed for good, by its letter and by its page", async ({ page, browser, user }) => {
  const theirs = await browser.newPage();
  await signIn(theirs, user);
  const id = await ask(theirs, "doomed", "noop", doomed);
  await expect(status(theirs)).toHaveText("Failed");
  await signIn(page, `${user}-root`, "/operate/letters", true);
  const letter = page.getByRole("main").getByRole("listitem").filter({ has: page.locator(`a[href="/jobs/${id}"]`) });
  const look = async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    return letter.count();
  };
  await expect.poll(look).toBe(1);
  await expect(letter).toContainText("NOOP_FAILED");
  await expect(letter).toContainText("The job will run again.");
  await letter.getByRole("button", { name: /^Replay/ }).click();
  await expect(page.getByText(`${id} was replayed.`)).toBeVisible();
  // It fails again, as a new run, which has a letter of its own.
  const second = letter.filter({ hasText: "Run 1" });
  await expect.poll(async () => (await look(), second.count())).toBe(1);
  await second.getByRole("link").click();
  await expect(status(page)).toHaveText("Failed");
  await page.getByRole("button", { name: "Replay" }).click();
  await expect(status(page)).not.toHaveText("Failed");
  await expect(page.getByText("Replayed by an operator: 2 times")).toBeAttached();
  await expect(status(page)).toHaveText("Failed");
  await theirs.close();
});

test("asking again asks with the same parameters", async ({ page, user }) => {
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
  test(`the operators' view at 390 px, ${colorScheme}`, async ({ browser, user }, { project }) => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    const look = async (name: string) => {
      await fitsItsWidth(page);
      await isAccessible(page);
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: `${project.outputDir}/screenshots/${name}-390-${colorScheme}.png`, fullPage: true });
    };
    await signIn(page, user, "/", true);
    await ask(page, "doomed", "noop", doomed);
    await expect(status(page)).toHaveText("Failed");
    await look("failed-admin");
    await page.getByRole("link", { name: "Operations" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("All jobs");
    await page.getByRole("searchbox", { name: "User" }).fill(user);
    await page.getByRole("button", { name: "Search" }).click();
    await expect(page.getByRole("main").getByRole("listitem")).toHaveCount(1);
    await look("operate-jobs");
    await page.getByRole("link", { name: "Dead-letter queue" }).click();
    await expect
      .poll(async () => {
        await page.getByRole("button", { name: "Refresh" }).click();
        return page.getByRole("main").getByRole("listitem").filter({ hasText: user }).count();
      })
      .toBe(1);
    await look("operate-letters");
    await page.getByRole("link", { name: "Connections" }).click();
    await expect(page.getByRole("main").getByRole("listitem").filter({ hasText: user }).first()).toBeVisible();
    await look("operate-connections");
    await context.close();
  });
}
