/** Client-side routing: the address is the only navigation state. */
import { type ReactNode, useCallback, useEffect, useRef, useSyncExternalStore } from "react";

function subscribe(onChange: () => void): () => void {
  addEventListener("popstate", onChange);
  return () => removeEventListener("popstate", onChange);
}

/** The current path, without the query string. */
export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

/** Identifies the current entry of the history: it differs for each navigation, also for one to the same address. */
export function useVisit(): string {
  return useSyncExternalStore(subscribe, () => (history.state as { visit?: string } | null)?.visit ?? "first");
}

/** A parameter of the query string and its setter, which keeps the history entry: Back returns to the page with it. */
export function useSearchParam(name: string): [string, (value: string) => void] {
  const value = useSyncExternalStore(subscribe, () => new URLSearchParams(location.search).get(name) ?? "");
  const set = useCallback(
    (value: string) => {
      const params = new URLSearchParams(location.search);
      if (value) params.set(name, value);
      else params.delete(name);
      navigate(`${location.pathname}${params.size ? `?${params}` : ""}`, "replace");
    },
    [name],
  );
  return [value, set];
}

let isInitialPage = true;

export function navigate(path: string, mode: "push" | "replace" = "push"): void {
  if (mode === "push") {
    isInitialPage = false;
    history.pushState({ visit: crypto.getRandomValues(new Uint32Array(2)).join("-") }, "", path);
  } else {
    history.replaceState(history.state, "", path);
  }
  dispatchEvent(new PopStateEvent("popstate"));
}

/** A link within the console, marked on its page and, with `marksSection`, on those below it. With a modifier key the browser handles it, for example to open a new tab. */
export function Link({ to, children, title, marksSection = false }: { to: string; children: ReactNode; title?: string; marksSection?: boolean }) {
  const path = usePath();
  return (
    <a
      href={to}
      title={title}
      aria-current={path === to ? "page" : marksSection && path.startsWith(`${to}/`) ? "true" : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        navigate(to);
      }}
    >
      {children}
    </a>
  );
}

/** The heading of a page. It sets the tab's title, and takes the focus so that keyboard and screen reader users start at the new page. */
export function PageHeading({ children }: { children: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${children.slice(0, 80)} · Longhaul`;
  }, [children]);
  useEffect(() => {
    // After a page load the browser starts at the top by itself.
    if (!isInitialPage) heading.current?.focus();
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}
