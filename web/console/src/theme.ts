/** The colour scheme: the system's, or the one that the user has chosen in this browser. */
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

/** Key in `localStorage`. */
const THEME_KEY = "longhaul-console-theme";
const THEMES: readonly Theme[] = ["system", "light", "dark"];
const DARK_SYSTEM = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
let current: Theme = THEMES.find((theme) => theme === localStorage.getItem(THEME_KEY)) ?? "system";

/** Sets the attribute by which the style sheet chooses. Call it before the first render. */
export function applyTheme(): void {
  if (current === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = current;
}

/** Changes to the next theme: system, light, dark. */
export function switchTheme(): void {
  current = THEMES[(THEMES.indexOf(current) + 1) % THEMES.length]!;
  if (current === "system") localStorage.removeItem(THEME_KEY);
  else localStorage.setItem(THEME_KEY, current);
  applyTheme();
  for (const listener of listeners) listener();
}

/** Calls `listener` when the displayed colours change, for what the style sheet does not colour. */
export function subscribeToColors(listener: () => void): () => void {
  listeners.add(listener);
  DARK_SYSTEM.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    DARK_SYSTEM.removeEventListener("change", listener);
  };
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribeToColors, () => current);
}
