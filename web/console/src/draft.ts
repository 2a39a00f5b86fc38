/** The question that a user is typing: it survives a reload of this tab, and nobody else finds it. */

const key = (user: string) => `longhaul-console-draft:${user}`;

export function loadDraft(user: string): string {
  return sessionStorage.getItem(key(user)) ?? "";
}

/** An empty text removes the draft. */
export function saveDraft(user: string, text: string): void {
  if (text) sessionStorage.setItem(key(user), text);
  else sessionStorage.removeItem(key(user));
}
