/** Browser tests of signing in and out, with a development token and with an identity provider. */
import type { Page } from "@playwright/test";
import { ask, connection, expect, origin, signIn, status, test } from "./consoleFixture";
import { IdentityProvider } from "./identityProvider";

test("with a development token, the session survives a reload and ends with signing out", async ({ page, user }) => {
  await signIn(page, user);
  await page.reload();
  await expect(connection(page)).toHaveText("Connected");
  await page.getByRole("button", { name: `Sign out (${user})` }).click();
  await expect(page.getByRole("textbox", { name: "User" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("textbox", { name: "User" })).toBeVisible();
});

test("what a user has typed and what is in progress stays with that user", async ({ page, user }) => {
  await signIn(page, user);
  await ask(page, "of the first user", "noop", { steps: 100, stepMs: 100 });
  await page.getByRole("link", { name: "Ask", exact: true }).click();
  await page.getByRole("textbox", { name: "Question" }).fill("typed by the first user");
  await page.reload();
  await expect(page.getByRole("textbox", { name: "Question" })).toHaveValue("typed by the first user");
  await page.getByRole("button", { name: `Sign out (${user})` }).click();
  await signIn(page, `${user}-next`);
  await expect(page.getByRole("textbox", { name: "Question" })).toHaveValue("");
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  expect(stored).not.toContain("first user");
});

test.describe("with an identity provider", () => {
  let provider: IdentityProvider;
  const startProvider = async (page: Page, user: string, by: "domain" | "issuer" = "domain") => {
    provider = new IdentityProvider(user);
    const signIn = { [by]: await provider.start(), clientId: provider.clientId };
    await page.route("**/config.json", (route) => route.fulfill({ json: { url: origin().replace("http", "ws"), signIn } }));
  };
  test.afterEach(() => provider.stop());

  test("the user returns to the same page, submits a query, and stays signed in after a reload", async ({ page, user }) => {
    await startProvider(page, user);
    await page.goto(`${origin()}/jobs`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(connection(page)).toHaveText("Connected");
    await expect(page).toHaveURL(`${origin()}/jobs`);
    await page.getByRole("link", { name: "Ask", exact: true }).click();
    await ask(page, "S3 in May");
    await expect(status(page)).toHaveText("Completed");
    await page.reload();
    await expect(page.getByRole("button", { name: `Sign out (${user})` })).toBeVisible();
    await expect(status(page)).toHaveText("Completed");
    await page.getByRole("button", { name: /Sign out/ }).click();
    await expect(page.getByText("Signed out.")).toBeVisible();
    await page.goto(origin());
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  });

  test("a provider's endpoints are read from its discovery document, also to sign out", async ({ page, user }) => {
    await startProvider(page, user, "issuer");
    await page.goto(`${origin()}/jobs`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(connection(page)).toHaveText("Connected");
    await expect(page).toHaveURL(`${origin()}/jobs`);
    await page.reload();
    await page.getByRole("button", { name: `Sign out (${user})` }).click();
    await expect(page.getByText("Signed out.")).toBeVisible();
    expect(Object.fromEntries(provider.signedOut!)).toMatchObject({ client_id: "console", post_logout_redirect_uri: `${origin()}/`, id_token_hint: expect.any(String) });

    // A document of another issuer is refused with both names, and the page can try again.
    provider.issuer = "https://other.example";
    await page.goto(origin());
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("alert")).toContainText('says that it is "https://other.example"');
    provider.issuer = undefined;
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(connection(page)).toHaveText("Connected");
  });

  test("a callback that this tab did not request signs nobody in", async ({ page, user }) => {
    await startProvider(page, user);
    await page.goto(`${origin()}/?code=stolen&state=another`);
    await expect(page.getByRole("alert")).toContainText("was not started in this tab");
    await expect(page).toHaveURL(`${origin()}/`);
  });

  test("a revoked session ends with a message, and the user can sign in again", async ({ page, user }) => {
    await startProvider(page, user);
    provider.tokenLifetime = 4;
    await page.goto(origin());
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(connection(page)).toHaveText("Connected");
    provider.revoke();
    await expect(page.getByRole("alert")).toContainText("Your session has expired");
    provider.tokenLifetime = 3600;
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(connection(page)).toHaveText("Connected");
  });
});
