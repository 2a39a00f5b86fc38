/**
 * Sign-in at an OpenID Connect provider: discovery, the OAuth 2.0 authorization code flow with PKCE (RFC 7636), refresh
 * tokens, and sign-out (RP-initiated logout). Tokens are not verified here; the server does that.
 */
import { type Endpoints, findEndpoints, type OidcProvider } from "./oidcDiscovery";
import type { Session } from "./session";
import { hasValue, readClaims } from "./tokenClaims";

interface Tokens {
  access_token: string;
  id_token?: string;
  refresh_token?: string;
  /** Seconds. */
  expires_in?: number;
}

/** Keys in `sessionStorage`, which ends with the tab: the pending sign-in, and the refresh token. */
const PENDING_SIGN_IN_KEY = "longhaul-console-sign-in";
const REFRESH_TOKEN_KEY = "longhaul-console-refresh";
/** Lifetime of a token whose response does not say it. */
const DEFAULT_LIFETIME_S = 300;

/** Redirects to the provider's page, which sends the user back to the current page. */
export async function redirectToSignIn(provider: OidcProvider): Promise<void> {
  const { authorization } = await findEndpoints(provider);
  const [verifier, state] = [randomString(), randomString()];
  const path = location.pathname + location.search;
  sessionStorage.setItem(PENDING_SIGN_IN_KEY, JSON.stringify({ verifier, state, path }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  location.assign(
    withParameters(authorization, {
      ...provider.parameters,
      response_type: "code",
      client_id: provider.clientId,
      redirect_uri: redirectUri(),
      scope: provider.scope ?? "openid",
      state,
      code_challenge_method: "S256",
      code_challenge: base64url(new Uint8Array(digest)),
    }),
  );
}

/** The session of a user who has just returned from the provider's page, or who was signed in before a reload. */
export async function resumeSession(provider: OidcProvider): Promise<Session | undefined> {
  const params = new URLSearchParams(location.search);
  if (params.has("state") && (params.has("code") || params.has("error"))) {
    const pending = JSON.parse(sessionStorage.getItem(PENDING_SIGN_IN_KEY) ?? "{}");
    sessionStorage.removeItem(PENDING_SIGN_IN_KEY);
    history.replaceState(null, "", pending.path ?? "/");
    if (params.get("state") !== pending.state) throw new Error("This sign-in was not started in this tab. Sign in again.");
    // RFC 9207: the response of another provider is refused.
    if (provider.issuer && params.has("iss") && params.get("iss") !== provider.issuer) throw new Error("Another identity provider has answered. Sign in again.");
    if (params.has("error")) throw new Error(params.get("error_description") ?? params.get("error")!);
    const grant = { code: params.get("code")!, code_verifier: pending.verifier, redirect_uri: redirectUri() };
    const endpoints = await findEndpoints(provider);
    return createSession(provider, endpoints, await requestTokens(provider, endpoints, { grant_type: "authorization_code", ...grant }));
  }
  if (sessionStorage.getItem(REFRESH_TOKEN_KEY) === null) return undefined;
  const endpoints = await findEndpoints(provider);
  return createSession(provider, endpoints, await refreshTokens(provider, endpoints));
}

function createSession(provider: OidcProvider, endpoints: Endpoints, tokens: Tokens): Session {
  let idToken = tokens.id_token;
  let [token, renewAt] = storeTokens(provider, tokens);
  const claims = readClaims(token);
  const names = { ...(idToken && readClaims(idToken)), ...claims };
  const session: Session = {
    user: String(names.username ?? names.preferred_username ?? names.email ?? names.name ?? names.sub ?? ""),
    isAdmin: hasValue(claims, provider.adminClaim ?? "cognito:groups", provider.adminValue ?? "admin"),
    async token() {
      if (Date.now() < renewAt) return token;
      try {
        const renewed = await refreshTokens(provider, endpoints);
        idToken = renewed.id_token ?? idToken;
        [token, renewAt] = storeTokens(provider, renewed);
      } catch (error) {
        if (sessionStorage.getItem(REFRESH_TOKEN_KEY) === null) session.onExpired?.();
        throw error;
      }
      return token;
    },
    end() {
      sessionStorage.removeItem(REFRESH_TOKEN_KEY);
      if (!endpoints.endSession) return;
      // Cognito's page has parameters of its own, and ignores the others.
      const parameters = { client_id: provider.clientId, post_logout_redirect_uri: redirectUri(), logout_uri: redirectUri() };
      location.assign(withParameters(endpoints.endSession, { ...parameters, ...(idToken && { id_token_hint: idToken }) }));
    },
  };
  return session;
}

/** Stores the refresh token. Returns the API's token and when to renew it: at half its lifetime, well before connections ask. */
function storeTokens(provider: OidcProvider, { access_token, id_token, refresh_token, expires_in = DEFAULT_LIFETIME_S }: Tokens): [string, number] {
  // Without rotation, a refresh returns no new refresh token.
  if (refresh_token) sessionStorage.setItem(REFRESH_TOKEN_KEY, refresh_token);
  const token = provider.token === "id" ? id_token : access_token;
  if (!token) throw new Error("The identity provider issued no token of the configured kind.");
  // Without a refresh token it is used until its end.
  return [token, Date.now() + expires_in * (sessionStorage.getItem(REFRESH_TOKEN_KEY) ? 500 : 1000)];
}

async function refreshTokens(provider: OidcProvider, endpoints: Endpoints): Promise<Tokens> {
  const refresh_token = sessionStorage.getItem(REFRESH_TOKEN_KEY);
  if (!refresh_token) throw new Error("Your session has expired. Sign in again.");
  return requestTokens(provider, endpoints, { grant_type: "refresh_token", refresh_token });
}

async function requestTokens(provider: OidcProvider, { token }: Endpoints, grant: Record<string, string>): Promise<Tokens> {
  const body = new URLSearchParams({ client_id: provider.clientId, ...grant });
  const response = await fetch(token, { method: "POST", body });
  if (response.ok) return (await response.json()) as Tokens;
  // A 4xx means that the grant is invalid. Server errors are temporary, so the refresh token is kept.
  if (response.status < 500) sessionStorage.removeItem(REFRESH_TOKEN_KEY);
  throw new Error(`The identity provider did not issue a token (HTTP ${response.status}). Sign in again.`);
}

/** The URL with these parameters besides those that it has. */
function withParameters(url: string, parameters: Record<string, string>): string {
  const result = new URL(url);
  for (const [name, value] of Object.entries(parameters)) result.searchParams.set(name, value);
  return result.href;
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
