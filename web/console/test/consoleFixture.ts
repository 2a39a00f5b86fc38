/**
 * The console as its user has it in hand: signing in, asking, what a job's page shows. Each test has a user of
 * its own, so that no limit and no list is shared. It knows the page's words, and none of its code.
 */
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test as base } from "@playwright/test";
import { createHmac } from "node:crypto";

export { expect };
export const origin = () => process.env.CONSOLE!;

/** What a server forgives clocks: so long a token is taken after its end. */
export const LEEWAY_S = 30;

/** A token of this user's that ends after so many seconds, or has ended that long ago. */
export function token(user: string, seconds = 3600): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const claimed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: user, username: user, exp })}`;
  return `${claimed}.${createHmac("sha256", process.env.LONGHAUL_JWT_SECRET!).update(claimed).digest("base64url")}`;
}

/** A user, and pages on which nothing may be thrown. */
export const test = base.extend<{ user: string; flawless: void }>({
  user: async ({}, use, { testId }) => use(`user-${testId}`),
  flawless: [
    async ({ context }, use) => {
      const thrown: Error[] = [];
      context.on("weberror", (error) => thrown.push(error.error()));
      await use();
      expect(thrown).toEqual([]);
    },
    { auto: true },
  ],
});

/** Signs in with a development token, and waits for the connection. */
export async function signIn(page: Page, user: string, path = "/", isAdmin = false): Promise<void> {
  await page.goto(origin() + path);
  await page.getByRole("textbox", { name: "User" }).fill(user);
  if (isAdmin) await page.getByRole("checkbox", { name: /admin/ }).check();
  await page.getByRole("button", { name: /Sign in/ }).click();
  await expect(connection(page)).toHaveText("Connected");
}

/** What the header says of the connection. */
export function connection(page: Page) {
  return page.locator("header").getByRole("status");
}

/** Asks, and waits for the job's own address; gives its id. */
export async function ask(page: Page, question: string, kind?: string, params?: object): Promise<string> {
  await page.getByRole("textbox", { name: "Question" }).fill(question);
  if (kind) await page.getByLabel("Kind").fill(kind);
  if (params) {
    const box = page.getByLabel("Parameters (JSON)");
    if (!(await box.isVisible())) await page.getByText("Parameters (JSON)").click();
    await box.fill(JSON.stringify(params));
  }
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(question);
  return page.url().split("/").at(-1)!;
}

/** A job that streams and reports so many times. */
export const talkative = (steps: number) => ({ steps, stepMs: 250, text: 60 });

/** What that job has answered when it is done, as one line. */
export function answerOf(steps: number): string {
  const line = (step: number) => `${step} `.repeat(30).slice(0, 59).trim();
  return Array.from({ length: steps }, (_, at) => line(at + 1)).join(" ");
}

export function status(page: Page) {
  return page.locator("article .status");
}

/** The answer as far as it is shown, as one line. */
export async function answer(page: Page): Promise<string> {
  return (await page.locator(".markdown").innerText()).replace(/\s+/g, " ").trim();
}

/** Waits until the progress shown is above this; gives it. */
export async function progressAbove(page: Page, percent: number, name = "Progress"): Promise<number> {
  const bar = page.getByRole("progressbar", { name });
  const value = async () => Number(await bar.getAttribute("value", { timeout: 1000 }).catch(() => 0));
  let seen = 0;
  await expect.poll(async () => (seen = await value()), { intervals: [50] }).toBeGreaterThan(percent);
  return seen;
}

/** No violation that axe-core calls serious or critical. */
export async function isAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(grave.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html)])).toEqual([]);
}

export async function fitsItsWidth(page: Page): Promise<void> {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wider, "pixels that have to be scrolled for").toBeLessThanOrEqual(0);
}
