/**
 * Reads the user and the expiry from a JWT without verifying it. The server verifies tokens; a wrong value here
 * only makes a renewal early or late.
 */

/** The token's `sub`, its expiry in epoch milliseconds, and how long it is valid. Empty if the token is not a JWT. */
export function readClaims(token: string): { user?: string; expiresAt?: number; lifetime?: number } {
  try {
    const payload = token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const { sub, exp, iat } = JSON.parse(new TextDecoder().decode(bytes));
    return { user: sub, expiresAt: exp > 0 ? exp * 1000 : undefined, lifetime: exp > iat ? (exp - iat) * 1000 : undefined };
  } catch {
    return {};
  }
}
