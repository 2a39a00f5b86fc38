/**
 * Reads what a JWT says of itself. It verifies nothing, which is the server's business: a wrong reading
 * costs a renewal too early or too late, and no more.
 */

/** The user and the end of a token (epoch milliseconds); empty for what is not a JWT. */
export function readClaims(token: string): { user?: string; expiresAt?: number } {
  try {
    const payload = token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const { sub, exp } = JSON.parse(new TextDecoder().decode(bytes));
    return { user: sub, expiresAt: exp > 0 ? exp * 1000 : undefined };
  } catch {
    return {};
  }
}
