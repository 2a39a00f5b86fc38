/** Browser tests of layout and accessibility: widths, dark mode, keyboard. They also save a screenshot of each page. */
import { ask, connection, expect, expectNoHorizontalScroll, expectAccessible, origin, signIn, status, streamingParams, test } from "./consoleFixture";

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [390, 1280]) {
    test(`every page at ${width} px, ${colorScheme}`, async ({ browser, user }, { project }) => {
      // Nine pages, each with an accessibility check and a screenshot.
      test.slow();
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 844 } });
      const page = await context.newPage();
      const checkLayout = async (name: string) => {
        await expectNoHorizontalScroll(page);
        // Accessibility does not depend on the width.
        if (width === 390) await expectAccessible(page);
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: `${project.outputDir}/screenshots/${name}-${width}-${colorScheme}.png`, fullPage: true });
      };
      await page.goto(origin());
      await expect(page.getByRole("textbox", { name: "User" })).toBeVisible();
      await checkLayout("sign-in");
      await signIn(page, user);
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g)!.map(Number));
      expect(Math.max(...background) < 128).toBe(colorScheme === "dark");
      await checkLayout("ask");

      await ask(page, "Top 5 services in May");
      await expect(page.getByRole("img", { name: /^Cost by/ })).toBeVisible();
      await page.getByText(/^Timeline/).click();
      await checkLayout("answer");
      await page.getByRole("link", { name: "Ask", exact: true }).click();
      await ask(page, "Spend by day, last 30 days");
      await expect(page.getByRole("img", { name: /^Cost by/ })).toBeVisible();
      await checkLayout("days");
      await page.getByRole("link", { name: "Ask", exact: true }).click();
      await ask(page, "a failure", "noop", { fail: "reject" });
      await expect(page.getByRole("alert")).toHaveText("It was asked to fail.");
      await checkLayout("failed");
      await page.getByRole("link", { name: "Ask", exact: true }).click();
      await ask(page, "still running", "noop", streamingParams(1000));
      await expect(status(page)).toHaveText("Processing");
      await checkLayout("running");
      await page.getByRole("link", { name: "My jobs" }).click();
      await expect(page.locator("main [data-row]")).toHaveCount(4);
      await checkLayout("jobs");
      await context.setOffline(true);
      await expect(connection(page)).toHaveText("Offline");
      await checkLayout("offline");
      await context.setOffline(false);
      await page.getByRole("link", { name: "still running" }).click();
      await page.getByRole("button", { name: "Cancel" }).click();
      await expect(status(page)).toHaveText("Cancelled");
      await context.close();
    });
  }
}

test("a question is asked and its page read with the keyboard alone", async ({ page, user }) => {
  await signIn(page, user);
  await page.reload();
  await expect(page.getByRole("textbox", { name: "Question" })).toBeFocused();
  await page.keyboard.type("Spend by account in May");
  await page.keyboard.press("Tab");
  await expect(page.getByLabel("Kind")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  // The new page's heading takes the focus.
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await expect(page.getByText("The answer is ready.")).toHaveCount(1);
  await expect(page.getByRole("columnheader").first()).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByTitle("Copy the job id")).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("columnheader").first().getByRole("button")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("columnheader").first()).toHaveAttribute("aria-sort", "ascending");

  await page.reload();
  await expect(connection(page)).toHaveText("Connected");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
});
