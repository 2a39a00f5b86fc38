/**
 * Fixtures and page helpers of the browser tests: signing in, submitting a query, reading a job page. Each test has its
 * own user, so that tests share no limits and no lists.
 */
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test as base } from "@playwright/test";
import { createHmac } from "node:crypto";

export { expect };
/** The origin of the console under test. */
export const origin = () => process.env.CONSOLE!;

/** Clock tolerance of the server: seconds for which a token is accepted after its expiry. */
export const LEEWAY_S = 30;

/** A token for this user that expires after `seconds`; negative for one that has expired. */
export function token(user: string, seconds = 3600): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const unsigned = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: user, username: user, exp })}`;
  return `${unsigned}.${createHmac("sha256", process.env.LONGHAUL_JWT_SECRET!).update(unsigned).digest("base64url")}`;
}

/** `test` with a user of its own. It fails on any uncaught error in a page. */
export const test = base.extend<{ user: string; noPageErrors: void }>({
  user: async ({}, use, { testId }) => use(`user-${testId}`),
  noPageErrors: [
    async ({ context }, use) => {
      const errors: Error[] = [];
      context.on("weberror", (error) => errors.push(error.error()));
      await use();
      expect(errors).toEqual([]);
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

/** The connection status in the header. */
export function connection(page: Page) {
  return page.locator("header").getByRole("status");
}

/** Submits a query and waits for the job's address. Returns the job id. */
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

/** Submits `noop` jobs at once, over a connection of its own. Resolves when all have ended. */
export async function submitAll(page: Page, user: string, queries: { query: string; params?: object }[]): Promise<void> {
  await page.evaluate(
    async ({ url, queries }) => {
      const socket = new WebSocket(url);
      await new Promise((opened) => socket.addEventListener("open", opened));
      const seen = (types: string[], count: number) => {
        const jobs = new Set<string>();
        return new Promise<void>((resolve) =>
          socket.addEventListener("message", ({ data }) => {
            const { type, jobId } = JSON.parse(data);
            if (types.includes(type)) jobs.add(jobId);
            if (jobs.size === count) resolve();
          }),
        );
      };
      const allEnded = seen(["job_completed", "job_failed"], queries.length);
      // One after the other, as the list is in the order of their submits.
      for (const query of queries) {
        const queued = seen(["job_queued"], 1);
        socket.send(JSON.stringify({ action: "query", kind: "noop", idempotencyKey: crypto.randomUUID(), ...query }));
        await queued;
      }
      await allEnded;
      socket.close();
    },
    { url: `${origin().replace("http", "ws")}?token=${token(user)}`, queries },
  );
}

/** Parameters of a `noop` job that streams a chunk and reports progress in each of its steps. */
export const streamingParams = (steps: number) => ({ steps, stepMs: 250, text: 60 });

/** The full answer of that job, as one line. */
export function answerOf(steps: number): string {
  const line = (step: number) => `${step} `.repeat(30).slice(0, 59).trim();
  return Array.from({ length: steps }, (_, at) => line(at + 1)).join(" ");
}

/** The status on a job page. */
export function status(page: Page) {
  return page.locator("article .status");
}

/** The displayed answer, as one line. */
export async function answer(page: Page): Promise<string> {
  return (await page.locator(".markdown").innerText()).replace(/\s+/g, " ").trim();
}

/** Waits until the displayed progress exceeds `percent`. Returns it. */
export async function progressAbove(page: Page, percent: number, name = "Progress"): Promise<number> {
  const bar = page.getByRole("progressbar", { name });
  const value = async () => Number(await bar.getAttribute("value", { timeout: 1000 }).catch(() => 0));
  let current = 0;
  await expect.poll(async () => (current = await value()), { intervals: [50] }).toBeGreaterThan(percent);
  return current;
}

/** Fails on violations that axe-core rates serious or critical. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const severe = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(severe.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html)])).toEqual([]);
}

/** Fails if the page is wider than the viewport. */
export async function expectNoHorizontalScroll(page: Page): Promise<void> {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow, "horizontal overflow in pixels").toBeLessThanOrEqual(0);
}
