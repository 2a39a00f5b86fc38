/**
 * Who is signed in, and by which of two ways: a name for which the embedded cloud signs development tokens, or
 * the hosted page that `config.json` names. It refuses to know connections; they ask a session for tokens.
 */
import * as oidc from "./oidc";
import type { Session } from "./session";

/** `config.json`, which lies beside the page and is written by whoever deploys it. */
export interface Config {
  /** The WebSocket API, `wss://...`; by default whatever serves this page. */
  url?: string;
  /** Without it, users sign in by development tokens. */
  signIn?: oidc.Page;
}

export interface Start {
  config: Config;
  /** Of a visit before, or of the hosted page that has just sent the user back. */
  session?: Session;
  /** Why there is none, if it was tried. */
  refusal?: string;
}

const NAME = "longhaul-console-user";
const ADMIN = "longhaul-console-admin";

let started: Promise<Start> | undefined;

/** What this visit begins with. A code from the hosted page is good once, so this is done once. */
export function start(): Promise<Start> {
  started ??= begin().catch((error) => {
    started = undefined;
    throw error;
  });
  return started;
}

async function begin(): Promise<Start> {
  const response = await fetch("/config.json");
  if (!response.ok) throw new Error(`config.json could not be read (HTTP ${response.status}).`);
  const config = (await response.json()) as Config;
  if (!config.signIn) {
    const user = localStorage.getItem(NAME);
    return { config, session: user === null ? undefined : development(user, localStorage.getItem(ADMIN) !== null) };
  }
  try {
    return { config, session: await oidc.resume(config.signIn) };
  } catch (error) {
    return { config, refusal: (error as Error).message };
  }
}

/** Signs in by name; rejects, with a sentence, where nobody signs development tokens. */
export async function signInByName(user: string, isAdmin: boolean): Promise<Session> {
  const session = development(user, isAdmin);
  await session.token();
  localStorage.setItem(NAME, user);
  if (isAdmin) localStorage.setItem(ADMIN, "true");
  return session;
}

function development(user: string, isAdmin: boolean): Session {
  return {
    user,
    isAdmin,
    async token() {
      const response = await fetch(`/_local/token?${new URLSearchParams({ user, admin: String(isAdmin) })}`, { method: "POST" });
      if (!response.ok) throw new Error(`This stack gives no development tokens (HTTP ${response.status}).`);
      return ((await response.json()) as { token: string }).token;
    },
    end: () => [NAME, ADMIN].forEach((name) => localStorage.removeItem(name)),
  };
}
