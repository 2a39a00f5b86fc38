/** Browser test of a worker crash. The fault kills the worker that writes next, so this test runs alone. */
import { answer, answerOf, ask, expect, progressAbove, signIn, status, streamingParams, test } from "./consoleFixture";

test("after a worker is killed in the middle, another one completes the answer", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "killed", "noop", { ...streamingParams(16), keep: true });
  await progressAbove(page, 20);
  // The next DynamoDB write of a worker kills its process with SIGKILL.
  const kill = { service: "dynamodb", caller: "longhaul-worker", number: 1, effect: { kill: "after" } };
  const requestFaults = (init: RequestInit) => fetch(`${process.env.AWS_ENDPOINT}/_local/faults`, init);
  expect((await requestFaults({ method: "POST", body: JSON.stringify({ rules: [kill] }) })).ok).toBe(true);
  const killCount = async () => ((await (await requestFaults({})).json()) as { kills: number }).kills;
  await expect.poll(killCount).toBe(1);
  await requestFaults({ method: "DELETE" });
  await expect(page.locator(".facts").first()).toContainText("Attempt 2");
  await expect(status(page)).toHaveText("Completed");
  expect(await answer(page)).toBe(answerOf(16));
  await page.getByText(/^Timeline/).click();
  const spans = page.getByRole("list", { name: "Waterfall" }).getByRole("listitem");
  await expect(spans.filter({ hasText: "Its worker was lost" })).toHaveCount(1);
  const events = page.getByRole("list", { name: "Events" }).getByRole("listitem");
  await expect(events.last()).toContainText("Completed");
  const live = await events.allInnerTexts();
  expect(live.filter((text) => text.includes("The worker of attempt 1 was lost"))).toHaveLength(1);
  await page.reload();
  await expect(status(page)).toHaveText("Completed");
  expect(await answer(page)).toBe(answerOf(16));
  await page.getByText(/^Timeline/).click();
  await expect(events.last()).toContainText("Completed");
  expect(await events.allInnerTexts()).toEqual(live);
});
