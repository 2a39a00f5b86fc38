/**
 * The two ways to sign in: with a user name for which the embedded cloud signs development tokens, or at the identity
 * provider that `config.json` names.
 */
import type { OidcProvider } from "./oidcDiscovery";
import type { Session } from "./session";

/** The file `config.json`, which is deployed beside the page. */
export interface Config {
  /** URL of the WebSocket API, `wss://...`. Default: the origin of the page. */
  url?: string;
  /** The identity provider. Without it, users sign in with development tokens. */
  signIn?: OidcProvider;
}

/** What the console starts with. */
export interface Startup {
  config: Config;
  /** The session of an earlier visit, or of a user who has just returned from the identity provider. */
  session?: Session;
  /** Why the sign-in failed, if it was tried. */
  signInError?: string;
}

/** Loaded only by deployments with an identity provider. */
const importOidc = () => import("./oidc");

/** Keys in `localStorage`. */
const USER_KEY = "longhaul-console-user";
const ADMIN_KEY = "longhaul-console-admin";

let pendingStartup: Promise<Startup> | undefined;

/** Loads the configuration and resumes the session. Runs once per page load, because an authorization code is valid only once. */
export function startUp(): Promise<Startup> {
  pendingStartup ??= loadStartup().catch((error) => {
    pendingStartup = undefined;
    throw error;
  });
  return pendingStartup;
}

async function loadStartup(): Promise<Startup> {
  const response = await fetch("/config.json");
  if (!response.ok) throw new Error(`config.json could not be read (HTTP ${response.status}).`);
  const config = (await response.json()) as Config;
  if (!config.signIn) {
    const user = localStorage.getItem(USER_KEY);
    return { config, session: user === null ? undefined : developmentSession(user, localStorage.getItem(ADMIN_KEY) !== null) };
  }
  try {
    const { resumeSession } = await importOidc();
    return { config, session: await resumeSession(config.signIn) };
  } catch (error) {
    return { config, signInError: (error as Error).message };
  }
}

/** Redirects to the page of the identity provider. Rejects with a message to show. */
export async function redirectToSignIn(provider: OidcProvider): Promise<void> {
  await (await importOidc()).redirectToSignIn(provider);
}

/** Signs in with a development token. Rejects with a message to show if the deployment does not sign them. */
export async function signInByName(user: string, isAdmin: boolean): Promise<Session> {
  const session = developmentSession(user, isAdmin);
  await session.token();
  localStorage.setItem(USER_KEY, user);
  if (isAdmin) localStorage.setItem(ADMIN_KEY, "true");
  return session;
}

function developmentSession(user: string, isAdmin: boolean): Session {
  return {
    user,
    isAdmin,
    async token() {
      const response = await fetch(`/_local/token?${new URLSearchParams({ user, admin: String(isAdmin) })}`, { method: "POST" });
      if (!response.ok) throw new Error(`This deployment does not issue development tokens (HTTP ${response.status}).`);
      return ((await response.json()) as { token: string }).token;
    },
    end: () => [USER_KEY, ADMIN_KEY].forEach((key) => localStorage.removeItem(key)),
  };
}
