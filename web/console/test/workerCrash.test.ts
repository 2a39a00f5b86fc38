/** What befalls a job whose worker dies. The fault that kills it meets whichever worker writes next, so nothing runs beside. */
import { answer, answerOf, ask, expect, progressAbove, signIn, status, talkative, test } from "./consoleFixture";

test("a worker that is killed in the middle is followed by another, and the answer is whole", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "killed", "noop", { ...talkative(16), keep: true });
  await progressAbove(page, 20);
  // The next time that a worker writes, it dies of it (SIGKILL).
  const kill = { service: "dynamodb", caller: "longhaul-worker", number: 1, effect: { kill: "after" } };
  const faults = (init: RequestInit) => fetch(`${process.env.AWS_ENDPOINT}/_local/faults`, init);
  expect((await faults({ method: "POST", body: JSON.stringify({ rules: [kill] }) })).ok).toBe(true);
  const report = async () => ((await (await faults({})).json()) as { kills: number }).kills;
  await expect.poll(report).toBe(1);
  await faults({ method: "DELETE" });
  await expect(page.locator(".facts").first()).toContainText("Attempt 2");
  await expect(status(page)).toHaveText("Completed");
  expect(await answer(page)).toBe(answerOf(16));
  await page.reload();
  await expect(status(page)).toHaveText("Completed");
  expect(await answer(page)).toBe(answerOf(16));
});
