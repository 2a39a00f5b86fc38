/** What befalls a user while a job runs: a reload, no network, a token that ends. */
import { answer, answerOf, ask, connection, expect, LEEWAY_S, progressAbove, signIn, status, talkative, test, token } from "./consoleFixture";
import { Network } from "./networkProxy";

test("a reload in the middle: the page is where it was, and misses nothing", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "reloaded", "noop", talkative(32));
  const before = await progressAbove(page, 20);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("reloaded");
  await progressAbove(page, before);
  await expect(status(page)).toHaveText("Completed");
  expect(await answer(page)).toBe(answerOf(32));
});

test("a question that is half typed outlives a reload, and an open one is offered", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "still open", "noop", talkative(32));
  await page.getByRole("link", { name: "Ask" }).click();
  await page.getByRole("textbox", { name: "Question" }).fill("half ty");
  await page.reload();
  await expect(page.getByRole("textbox", { name: "Question" })).toHaveValue("half ty");
  await page.getByRole("region", { name: "Jobs in progress" }).getByRole("link", { name: "still open" }).click();
  await expect(status(page)).toHaveText("Completed");
  expect(await answer(page)).toBe(answerOf(32));
});

test.describe("without a network", () => {
  const network = new Network();
  let proxy: string;
  test.beforeAll(async () => {
    proxy = await network.start();
  });
  test.afterAll(() => network.stop());

  test("in the middle: it says so, keeps what it has, and has all when the network is back", async ({ browser, user }) => {
    const context = await browser.newContext({ proxy: { server: proxy } });
    const page = await context.newPage();
    await signIn(page, user);
    const id = await ask(page, "cut off", "noop", talkative(24));
    const before = await progressAbove(page, 20);
    network.pull();
    await context.setOffline(true);
    await expect(connection(page)).toHaveText("Offline");
    await expect(page.getByText(/No connection since .*The job keeps running/)).toBeVisible();
    expect(await progressAbove(page, before - 1)).toBeLessThan(100);
    // Elsewhere the job goes on to its end.
    const elsewhere = await browser.newPage();
    await signIn(elsewhere, user, `/jobs/${id}`);
    await expect(status(elsewhere)).toHaveText("Completed");
    await expect(status(page)).not.toHaveText("Completed");
    network.plugIn();
    await context.setOffline(false);
    await expect(status(page)).toHaveText("Completed");
    await expect(connection(page)).toHaveText("Connected");
    expect(await answer(page)).toBe(answerOf(24));
    await elsewhere.close();
    await context.close();
  });

  test("asked there, a question is sent once the network is back", async ({ browser, user }) => {
    const context = await browser.newContext({ proxy: { server: proxy } });
    const page = await context.newPage();
    await signIn(page, user);
    network.pull();
    // The browser believes in its network; only the socket tells.
    await expect(connection(page)).toHaveText(/Disconnected|Connecting/);
    await page.getByRole("textbox", { name: "Question" }).fill("S3 in May");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await expect(page.getByText(/Your question will be sent when the connection is back/)).toBeVisible();
    network.plugIn();
    await expect(status(page)).toHaveText("Completed");
    await context.close();
  });
});

test("a token that ends is renewed, and one that ended unnoticed costs nothing", async ({ page, user }) => {
  let signed = 0;
  let left = 6;
  await page.route("**/_local/token?*", async (route) => {
    if (left === 0) return route.fulfill({ status: 503 });
    signed += 1;
    await route.fulfill({ json: { token: token(user, left) } });
  });
  await signIn(page, user);
  const before = signed;
  await ask(page, "longer than its token", "noop", talkative(30));
  await expect(status(page)).toHaveText("Completed");
  expect(signed).toBeGreaterThan(before);

  // One that the server takes for a few seconds yet, and then none, as in a laptop that sleeps.
  left = 5 - LEEWAY_S;
  await page.reload();
  await expect(connection(page)).toHaveText("Connected");
  left = 0;
  const end = Date.now() + 6_000;
  await expect.poll(() => Date.now()).toBeGreaterThan(end);
  await page.getByRole("link", { name: "Ask" }).click();
  left = 3600;
  await ask(page, "after its end", "noop", {});
  await expect(status(page)).toHaveText("Completed");
});
