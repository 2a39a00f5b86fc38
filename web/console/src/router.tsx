/** Which of the console's pages is shown: the address is the only state. */
import { type ReactNode, useEffect, useRef, useSyncExternalStore } from "react";

function subscribe(changed: () => void): () => void {
  addEventListener("popstate", changed);
  return () => removeEventListener("popstate", changed);
}

/** The address within the console, with what it asks for, live. */
export function useAddress(): string {
  return useSyncExternalStore(subscribe, () => location.pathname + location.search);
}

let isFirst = true;

export function go(path: string, how: "push" | "replace" = "push"): void {
  isFirst = false;
  history[`${how}State`](null, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
}

/** A link within the console; opened elsewhere, as with a middle click, it is a link like any other. */
export function Link({ to, children }: { to: string; children: ReactNode }) {
  return (
    <a
      href={to}
      aria-current={useAddress().split("?")[0] === to ? "page" : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        go(to);
      }}
    >
      {children}
    </a>
  );
}

/** A page's heading: it names the tab, and takes the focus so that keyboard and screen reader are at the new page. */
export function Heading({ children }: { children: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${children.slice(0, 80)} · Longhaul`;
  }, [children]);
  useEffect(() => {
    // A browser that has just loaded the page begins at its top.
    if (!isFirst) heading.current?.focus();
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}
