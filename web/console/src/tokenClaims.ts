/** Reads the claims of a token, for display. Pure. */

export type Claims = Record<string, unknown>;

/** The claims of a JSON Web Token. Throws an error that can be shown if the token is opaque, as those of some providers are. */
export function readClaims(token: string): Claims {
  try {
    const payload = token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (character) => character.charCodeAt(0)))) as Claims;
  } catch {
    throw new Error("The identity provider's token is not a JSON Web Token. Name the API in config.json (signIn.parameters.audience), or use its id token (signIn.token).");
  }
}

/** Whether the claim, by name or JSON pointer, has the value in a list, as its text, or as a word of its text. */
export function hasValue(claims: Claims, claim: string, value: string): boolean {
  const path = claim.startsWith("/") ? claim.slice(1).split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")) : [claim];
  const found = path.reduce<unknown>((node, name) => (node && typeof node === "object" ? (node as Claims)[name] : undefined), claims);
  return Array.isArray(found) ? found.includes(value) : typeof found === "string" && (found === value || found.split(/\s+/).includes(value));
}
