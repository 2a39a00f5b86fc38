/** The console on a phone, in the dark, by keyboard and to assistive technology. The pictures are for people. */
import { ask, connection, expect, fitsItsWidth, isAccessible, origin, signIn, status, talkative, test } from "./consoleFixture";

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [390, 1280]) {
    test(`every page at ${width} px, ${colorScheme}`, async ({ browser, user }, { project }) => {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 844 } });
      const page = await context.newPage();
      const look = async (name: string) => {
        await fitsItsWidth(page);
        // What a width changes, the narrow one shows.
        if (width === 390) await isAccessible(page);
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: `${project.outputDir}/screenshots/${name}-${width}-${colorScheme}.png`, fullPage: true });
      };
      await page.goto(origin());
      await expect(page.getByRole("textbox", { name: "User" })).toBeVisible();
      await look("sign-in");
      await signIn(page, user);
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g)!.map(Number));
      expect(Math.max(...background) < 128).toBe(colorScheme === "dark");
      await look("ask");

      await ask(page, "Top 5 services in May");
      await expect(page.getByRole("img", { name: /^Bar chart/ })).toBeVisible();
      await page.getByText(/^Timeline/).click();
      await look("answer");
      await page.getByRole("link", { name: "Ask" }).click();
      await ask(page, "Spend by day, last 30 days");
      await expect(page.getByRole("img", { name: /^Bar chart/ })).toBeVisible();
      await look("days");
      await page.getByRole("link", { name: "Ask" }).click();
      await ask(page, "a failure", "noop", { fail: "reject" });
      await expect(page.getByRole("alert")).toHaveText("It was asked to fail.");
      await look("failed");
      await page.getByRole("link", { name: "Ask" }).click();
      await ask(page, "still running", "noop", talkative(1000));
      await expect(status(page)).toHaveText("Processing");
      await look("running");
      await page.getByRole("link", { name: "Jobs" }).click();
      await expect(page.getByRole("main").getByRole("listitem")).toHaveCount(4);
      await look("jobs");
      await context.setOffline(true);
      await expect(connection(page)).toHaveText("Offline");
      await look("offline");
      await context.setOffline(false);
      await page.getByRole("link", { name: "still running" }).click();
      await page.getByRole("button", { name: "Cancel" }).click();
      await expect(status(page)).toHaveText("Cancelled");
      await context.close();
    });
  }
}

test("by keyboard alone a question is asked and its page read", async ({ page, user }) => {
  await signIn(page, user);
  await page.reload();
  await expect(page.getByRole("textbox", { name: "Question" })).toBeFocused();
  await page.keyboard.type("Spend by account in May");
  await page.keyboard.press("Tab");
  await expect(page.getByLabel("Kind")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  // Focus goes where the news is.
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await expect(page.getByText("The answer is ready.")).toHaveCount(1);
  await expect(page.getByRole("columnheader").first()).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("columnheader").first().getByRole("button")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("columnheader").first()).toHaveAttribute("aria-sort", "ascending");

  await page.reload();
  await expect(connection(page)).toHaveText("Connected");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
});
