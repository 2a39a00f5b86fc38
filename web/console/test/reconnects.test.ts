/** Browser tests of interruptions while a job runs: a reload, a lost network, an expired token. */
import { answer, answerOf, ask, connection, expect, LEEWAY_S, progressAbove, signIn, status, streamingParams, test, token } from "./consoleFixture";
import { NetworkProxy } from "./networkProxy";

test("after a reload in the middle, the page shows the same job and misses nothing", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "reloaded", "noop", streamingParams(32));
  const before = await progressAbove(page, 20);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("reloaded");
  await progressAbove(page, before);
  await expect(status(page)).toHaveText("Completed");
  expect(await answer(page)).toBe(answerOf(32));
});

test("a half-typed question survives a reload, and an open job is listed", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "still open", "noop", streamingParams(32));
  await page.getByRole("link", { name: "Ask", exact: true }).click();
  await page.getByRole("textbox", { name: "Question" }).fill("half ty");
  await page.reload();
  await expect(page.getByRole("textbox", { name: "Question" })).toHaveValue("half ty");
  await page.getByRole("region", { name: "Jobs in progress" }).getByRole("link", { name: "still open" }).click();
  await expect(status(page)).toHaveText("Completed");
  expect(await answer(page)).toBe(answerOf(32));
});

test.describe("without a network", () => {
  const network = new NetworkProxy();
  let proxy: string;
  test.beforeAll(async () => {
    proxy = await network.start();
  });
  test.afterAll(() => network.stop());

  test("the page says so, keeps its content, and is complete when the network is back", async ({ browser, user }) => {
    const context = await browser.newContext({ proxy: { server: proxy } });
    const page = await context.newPage();
    await signIn(page, user);
    const id = await ask(page, "cut off", "noop", streamingParams(24));
    const before = await progressAbove(page, 20);
    network.disconnect();
    await context.setOffline(true);
    await expect(connection(page)).toHaveText("Offline");
    await expect(page.getByText(/No connection since .*The job keeps running/)).toBeVisible();
    expect(await progressAbove(page, before - 1)).toBeLessThan(100);
    // On another client the job runs to its end.
    const otherClient = await browser.newPage();
    await signIn(otherClient, user, `/jobs/${id}`);
    await expect(status(otherClient)).toHaveText("Completed");
    await expect(status(page)).not.toHaveText("Completed");
    network.reconnect();
    await context.setOffline(false);
    await expect(status(page)).toHaveText("Completed");
    await expect(connection(page)).toHaveText("Connected");
    expect(await answer(page)).toBe(answerOf(24));
    await otherClient.close();
    await context.close();
  });

  test("a question is sent once the network is back", async ({ browser, user }) => {
    const context = await browser.newContext({ proxy: { server: proxy } });
    const page = await context.newPage();
    await signIn(page, user);
    network.disconnect();
    // `navigator.onLine` is still true here, so only the socket shows the loss.
    await expect(connection(page)).toHaveText(/Disconnected|Connecting/);
    await page.getByRole("textbox", { name: "Question" }).fill("S3 in May");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await expect(page.getByText(/Your question will be sent when the connection is back/)).toBeVisible();
    network.reconnect();
    await expect(status(page)).toHaveText("Completed");
    await context.close();
  });
});

test("a token is renewed before it expires, and after it has expired unnoticed", async ({ page, user }) => {
  let issued = 0;
  let lifetime = 6;
  await page.route("**/_local/token?*", async (route) => {
    if (lifetime === 0) return route.fulfill({ status: 503 });
    issued += 1;
    await route.fulfill({ json: { token: token(user, lifetime) } });
  });
  await signIn(page, user);
  const issuedBefore = issued;
  await ask(page, "longer than its token", "noop", streamingParams(30));
  await expect(status(page)).toHaveText("Completed");
  expect(issued).toBeGreaterThan(issuedBefore);

  // A token that the server accepts for 5 more seconds, and then none: as on a machine that sleeps.
  lifetime = 5 - LEEWAY_S;
  await page.reload();
  await expect(connection(page)).toHaveText("Connected");
  lifetime = 0;
  const end = Date.now() + 6_000;
  await expect.poll(() => Date.now()).toBeGreaterThan(end);
  await page.getByRole("link", { name: "Ask", exact: true }).click();
  lifetime = 3600;
  await ask(page, "after its end", "noop", {});
  await expect(status(page)).toHaveText("Completed");
});
