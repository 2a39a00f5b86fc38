/**
 * Sign-in at the hosted page of an identity provider such as Amazon Cognito: the OAuth 2.0 authorization code flow
 * with PKCE (RFC 7636), and refresh tokens. Tokens are not verified here; the server does that.
 */
import type { Session } from "./session";

/** The identity provider, from `config.json`. */
export interface OidcProvider {
  /** For example `https://example.auth.eu-central-1.amazoncognito.com`; the paths `/oauth2/authorize`, `/oauth2/token` and `/logout` are appended. */
  domain: string;
  /** Client id of a public client, which has no secret. Its callback and sign-out URLs must contain `<origin>/`. */
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

/** Keys in `sessionStorage`, which ends with the tab: the pending sign-in, and the refresh token. */
const PENDING_SIGN_IN_KEY = "longhaul-console-sign-in";
const REFRESH_TOKEN_KEY = "longhaul-console-refresh";

/** Redirects to the hosted page, which sends the user back to the current page. */
export async function redirectToSignIn(provider: OidcProvider): Promise<void> {
  const [verifier, state] = [randomString(), randomString()];
  const path = location.pathname + location.search;
  sessionStorage.setItem(PENDING_SIGN_IN_KEY, JSON.stringify({ verifier, state, path }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const params = new URLSearchParams({
    response_type: "code",
    client_id: provider.clientId,
    redirect_uri: redirectUri(),
    scope: provider.scope ?? "openid",
    state,
    code_challenge_method: "S256",
    code_challenge: base64url(new Uint8Array(digest)),
  });
  location.assign(`${provider.domain}/oauth2/authorize?${params}`);
}

/** The session of a user who has just returned from the hosted page, or who was signed in before a reload. */
export async function resumeSession(provider: OidcProvider): Promise<Session | undefined> {
  const params = new URLSearchParams(location.search);
  if (params.has("state") && (params.has("code") || params.has("error"))) {
    const pending = JSON.parse(sessionStorage.getItem(PENDING_SIGN_IN_KEY) ?? "{}");
    sessionStorage.removeItem(PENDING_SIGN_IN_KEY);
    history.replaceState(null, "", pending.path ?? "/");
    if (params.get("state") !== pending.state) throw new Error("This sign-in was not started in this tab. Sign in again.");
    if (params.has("error")) throw new Error(params.get("error_description") ?? params.get("error")!);
    const grant = { code: params.get("code")!, code_verifier: pending.verifier, redirect_uri: redirectUri() };
    return createSession(provider, await requestTokens(provider, { grant_type: "authorization_code", ...grant }));
  }
  return sessionStorage.getItem(REFRESH_TOKEN_KEY) === null ? undefined : createSession(provider, await refreshTokens(provider));
}

function createSession(provider: OidcProvider, tokens: Tokens): Session {
  let [token, renewAt] = storeTokens(tokens);
  const { username, email, sub, "cognito:groups": groups } = readClaims(token);
  const session: Session = {
    user: username ?? email ?? sub ?? "",
    isAdmin: Array.isArray(groups) && groups.includes("admin"),
    async token() {
      if (Date.now() < renewAt) return token;
      try {
        [token, renewAt] = storeTokens(await refreshTokens(provider));
      } catch (error) {
        if (sessionStorage.getItem(REFRESH_TOKEN_KEY) === null) session.onExpired?.();
        throw error;
      }
      return token;
    },
    end() {
      sessionStorage.removeItem(REFRESH_TOKEN_KEY);
      location.assign(`${provider.domain}/logout?${new URLSearchParams({ client_id: provider.clientId, logout_uri: redirectUri() })}`);
    },
  };
  return session;
}

/** Stores the refresh token. Returns the access token and when to renew it: at half its lifetime, well before connections ask. */
function storeTokens({ access_token, refresh_token, expires_in }: Tokens): [string, number] {
  // Without rotation, a refresh returns no new refresh token.
  if (refresh_token) sessionStorage.setItem(REFRESH_TOKEN_KEY, refresh_token);
  return [access_token, Date.now() + expires_in * 500];
}

async function refreshTokens(provider: OidcProvider): Promise<Tokens> {
  const refresh_token = sessionStorage.getItem(REFRESH_TOKEN_KEY);
  if (!refresh_token) throw new Error("Your session has expired. Sign in again.");
  return requestTokens(provider, { grant_type: "refresh_token", refresh_token });
}

async function requestTokens(provider: OidcProvider, grant: Record<string, string>): Promise<Tokens> {
  const body = new URLSearchParams({ client_id: provider.clientId, ...grant });
  const response = await fetch(`${provider.domain}/oauth2/token`, { method: "POST", body });
  if (response.ok) return (await response.json()) as Tokens;
  // A 4xx means that the grant is invalid. Server errors are temporary, so the refresh token is kept.
  if (response.status < 500) sessionStorage.removeItem(REFRESH_TOKEN_KEY);
  throw new Error(`The identity provider did not issue a token (HTTP ${response.status}). Sign in again.`);
}

function redirectUri(): string {
  return `${location.origin}/`;
}

function randomString(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** The claims of a token, for display. */
function readClaims(token: string): { sub?: string; username?: string; email?: string; "cognito:groups"?: unknown } {
  const payload = token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (character) => character.charCodeAt(0))));
}
