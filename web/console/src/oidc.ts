/**
 * Signing in at a hosted page, such as Amazon Cognito's: OAuth 2.0's authorization code with PKCE (RFC 7636),
 * and its refresh tokens. It verifies no token, which is the server's business, and knows no connection.
 */
import type { Session } from "./session";

/** The hosted page, from `config.json`. */
export interface Page {
  /** Such as `https://example.auth.eu-central-1.amazoncognito.com`; `/oauth2/authorize`, `/oauth2/token` and `/logout` are below it. */
  domain: string;
  /** Of a public client: it has no secret. `<origin>/` is among its callback and sign-out URLs. */
  clientId: string;
  /** Default `openid`. */
  scope?: string;
}

interface Tokens {
  access_token: string;
  refresh_token?: string;
  /** Seconds. */
  expires_in: number;
}

/** Kept in the tab's own storage, which ends with the tab: what was begun, and how to go on without asking. */
const BEGUN = "longhaul-console-sign-in";
const REFRESH = "longhaul-console-refresh";

/** Leaves for the hosted page; it sends the user back to where they are now. */
export async function signIn(page: Page): Promise<void> {
  const [verifier, state] = [secret(), secret()];
  const path = location.pathname + location.search;
  sessionStorage.setItem(BEGUN, JSON.stringify({ verifier, state, path }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const asked = new URLSearchParams({
    response_type: "code",
    client_id: page.clientId,
    redirect_uri: callback(),
    scope: page.scope ?? "openid",
    state,
    code_challenge_method: "S256",
    code_challenge: base64url(new Uint8Array(digest)),
  });
  location.assign(`${page.domain}/oauth2/authorize?${asked}`);
}

/** The session of a user who is just back from the hosted page, or who was signed in before a reload. */
export async function resume(page: Page): Promise<Session | undefined> {
  const answer = new URLSearchParams(location.search);
  if (answer.has("state") && (answer.has("code") || answer.has("error"))) {
    const begun = JSON.parse(sessionStorage.getItem(BEGUN) ?? "{}");
    sessionStorage.removeItem(BEGUN);
    history.replaceState(null, "", begun.path ?? "/");
    if (answer.get("state") !== begun.state) throw new Error("This sign-in was not begun in this tab. Sign in again.");
    if (answer.has("error")) throw new Error(answer.get("error_description") ?? answer.get("error")!);
    const code = { code: answer.get("code")!, code_verifier: begun.verifier, redirect_uri: callback() };
    return session(page, await exchange(page, { grant_type: "authorization_code", ...code }));
  }
  return sessionStorage.getItem(REFRESH) === null ? undefined : session(page, await refresh(page));
}

function session(page: Page, tokens: Tokens): Session {
  let [token, renewAt] = kept(tokens);
  const { username, email, sub, "cognito:groups": groups } = claims(token);
  const session: Session = {
    user: username ?? email ?? sub ?? "",
    isAdmin: Array.isArray(groups) && groups.includes("admin"),
    async token() {
      if (Date.now() < renewAt) return token;
      try {
        [token, renewAt] = kept(await refresh(page));
      } catch (error) {
        if (sessionStorage.getItem(REFRESH) === null) session.onLapsed?.();
        throw error;
      }
      return token;
    },
    end() {
      sessionStorage.removeItem(REFRESH);
      location.assign(`${page.domain}/logout?${new URLSearchParams({ client_id: page.clientId, logout_uri: callback() })}`);
    },
  };
  return session;
}

/** The token and when it is to be renewed: at half its life, as connections ask shortly before its end. */
function kept({ access_token, refresh_token, expires_in }: Tokens): [string, number] {
  // A refresh may leave the refresh token as it is.
  if (refresh_token) sessionStorage.setItem(REFRESH, refresh_token);
  return [access_token, Date.now() + expires_in * 500];
}

async function refresh(page: Page): Promise<Tokens> {
  const refresh_token = sessionStorage.getItem(REFRESH);
  if (!refresh_token) throw new Error("The sign-in has ended. Sign in again.");
  return exchange(page, { grant_type: "refresh_token", refresh_token });
}

async function exchange(page: Page, grant: Record<string, string>): Promise<Tokens> {
  const body = new URLSearchParams({ client_id: page.clientId, ...grant });
  const response = await fetch(`${page.domain}/oauth2/token`, { method: "POST", body });
  if (response.ok) return (await response.json()) as Tokens;
  // It refuses this grant for good; what is wrong with the network or with itself passes.
  if (response.status < 500) sessionStorage.removeItem(REFRESH);
  throw new Error(`The sign-in page gave no token (HTTP ${response.status}). Sign in again.`);
}

function callback(): string {
  return `${location.origin}/`;
}

function secret(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** What a token says of its user, for showing. */
function claims(token: string): { sub?: string; username?: string; email?: string; "cognito:groups"?: unknown } {
  const payload = token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (character) => character.charCodeAt(0))));
}
