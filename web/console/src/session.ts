/**
 * Who is signed in: a name, kept for the next visit, for which the embedded cloud signs development tokens.
 * No token is kept; the connection asks for one whenever it needs it.
 */
import { connect, type Longhaul } from "longhaul-client";

const NAME = "longhaul-console-user";

export function rememberedUser(): string | null {
  return localStorage.getItem(NAME);
}

/** Rejects, with a sentence, where nobody signs development tokens. */
export async function developmentToken(user: string): Promise<string> {
  const response = await fetch(`/_local/token?user=${encodeURIComponent(user)}`, { method: "POST" });
  if (!response.ok) throw new Error(`This stack gives no development tokens (HTTP ${response.status}).`);
  return ((await response.json()) as { token: string }).token;
}

/** A connection as this user, to the stack that serves this page. */
export function signIn(user: string): Longhaul {
  localStorage.setItem(NAME, user);
  const url = import.meta.env.DEV ? "http://localhost:3001" : location.origin;
  return connect({ url, token: () => developmentToken(user) });
}

export function signOut(): void {
  localStorage.removeItem(NAME);
}
