/** A view of pages that are asked for, kept as they come, and asked for again. */
import type { Longhaul } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Page } from "./adminApi";

export interface Looked<T> {
  items: readonly T[];
  /** `Loading`, what went wrong, or nothing. */
  said: string;
  more: boolean;
  /** Leads on, if there is a next page. */
  next?: () => void;
  /** Looks again. */
  look(): void;
}

/** What `ask` answers, asked again when it is another, every so often if that is said, and by `look`. */
export function useLook<T>(ask: (longhaul: Longhaul, cursor?: string) => Promise<Page<T>>, everyMs?: number): Looked<T> {
  const { longhaul, connection } = useLonghaul();
  const [page, setPage] = useState<Page<T>>({ items: [] });
  const [said, setSaid] = useState("");
  /** What is being asked, so that there is one look at a time, and of what is asked no more nothing is shown. */
  const asking = useRef<unknown>(undefined);
  const load = useCallback(
    async (after?: Page<T>, isQuiet = false) => {
      if (asking.current === ask) return;
      asking.current = ask;
      if (!isQuiet) setSaid("Loading");
      let failure = "";
      try {
        const found = await ask(longhaul, after?.cursor);
        if (asking.current === ask) setPage({ ...found, items: [...(after?.items ?? []), ...found.items] });
      } catch (error) {
        failure = (error as Error).message;
      }
      if (asking.current !== ask) return;
      asking.current = undefined;
      setSaid(failure);
    },
    [longhaul, ask],
  );
  useEffect(() => setPage({ items: [] }), [ask]);
  useEffect(() => {
    void load();
    const look = () => {
      if (document.visibilityState !== "hidden") void load(undefined, true);
    };
    const timer = everyMs && setInterval(look, everyMs);
    return () => clearInterval(timer);
  }, [connection.state, everyMs, load]);
  return { items: page.items, said, more: page.more ?? false, next: page.cursor ? () => void load(page) : undefined, look: () => void load() };
}
