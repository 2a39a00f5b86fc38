/** Signing in and out, by a development token and by a hosted page. */
import type { Page } from "@playwright/test";
import { ask, connection, expect, origin, signIn, status, test } from "./consoleFixture";
import { Provider } from "./identityProvider";

test("by a development token: it lasts over a reload, and ends with signing out", async ({ page, user }) => {
  await signIn(page, user);
  await page.reload();
  await expect(connection(page)).toHaveText("Connected");
  await page.getByRole("button", { name: `Sign out ${user}` }).click();
  await expect(page.getByRole("textbox", { name: "User" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("textbox", { name: "User" })).toBeVisible();
});

test.describe("by a hosted page", () => {
  let provider: Provider;
  const begin = async (page: Page, user: string) => {
    provider = new Provider(user);
    const signIn = { domain: await provider.start(), clientId: provider.clientId };
    await page.route("**/config.json", (route) => route.fulfill({ json: { url: origin().replace("http", "ws"), signIn } }));
  };
  test.afterEach(() => provider.stop());

  test("a user comes back to where they were, asks, and stays signed in over a reload", async ({ page, user }) => {
    await begin(page, user);
    await page.goto(`${origin()}/jobs`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(connection(page)).toHaveText("Connected");
    await expect(page).toHaveURL(`${origin()}/jobs`);
    await page.getByRole("link", { name: "Ask" }).click();
    await ask(page, "S3 in May");
    await expect(status(page)).toHaveText("Completed");
    await page.reload();
    await expect(page.getByRole("button", { name: `Sign out ${user}` })).toBeVisible();
    await expect(status(page)).toHaveText("Completed");
    await page.getByRole("button", { name: /Sign out/ }).click();
    await expect(page.getByText("Signed out.")).toBeVisible();
    await page.goto(origin());
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  });

  test("an answer that this tab did not ask for signs nobody in", async ({ page, user }) => {
    await begin(page, user);
    await page.goto(`${origin()}/?code=stolen&state=another`);
    await expect(page.getByRole("alert")).toContainText("was not started in this tab");
    await expect(page).toHaveURL(`${origin()}/`);
  });

  test("a sign-in that was ended elsewhere ends here, in words, and can be begun anew", async ({ page, user }) => {
    await begin(page, user);
    provider.life = 4;
    await page.goto(origin());
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(connection(page)).toHaveText("Connected");
    provider.revoke();
    await expect(page.getByRole("alert")).toContainText("Your session has expired");
    provider.life = 3600;
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(connection(page)).toHaveText("Connected");
  });
});
