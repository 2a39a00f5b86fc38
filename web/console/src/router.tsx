/** Client-side routing: the address is the only navigation state. */
import { type ReactNode, useEffect, useRef, useSyncExternalStore } from "react";

function subscribe(onChange: () => void): () => void {
  addEventListener("popstate", onChange);
  return () => removeEventListener("popstate", onChange);
}

/** The current path and query string. */
export function useAddress(): string {
  return useSyncExternalStore(subscribe, () => location.pathname + location.search);
}

let isInitialPage = true;

export function navigate(path: string, mode: "push" | "replace" = "push"): void {
  isInitialPage = false;
  history[`${mode}State`](null, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
}

/** A link within the console. With a modifier key the browser handles it, for example to open a new tab. */
export function Link({ to, children }: { to: string; children: ReactNode }) {
  return (
    <a
      href={to}
      aria-current={useAddress().split("?")[0] === to ? "page" : undefined}
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
