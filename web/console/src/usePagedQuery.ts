/** A hook that loads the pages of a list, refreshes it on demand or periodically, and reports errors. */
import type { Longhaul } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Page } from "./adminApi";

export interface PagedQuery<T> {
  items: readonly T[];
  /** A loading notice, an error message, or empty. */
  notice: string;
  isTruncated: boolean;
  /** Loads the next page, if there is one. */
  loadMore?: () => void;
  /** Loads the first page again. */
  refresh(): void;
}

/** Loads the list again when `fetchPage` changes, when the connection's state changes, and every `refreshMs` milliseconds if given. */
export function usePagedQuery<T>(fetchPage: (longhaul: Longhaul, cursor?: string) => Promise<Page<T>>, refreshMs?: number): PagedQuery<T> {
  const { longhaul, connection } = useLonghaul();
  const [page, setPage] = useState<Page<T>>({ items: [] });
  const [notice, setNotice] = useState("");
  /** The query in flight: at most one at a time, and the response of an outdated one is discarded. */
  const inFlight = useRef<unknown>(undefined);
  const load = useCallback(
    async (previous?: Page<T>, isSilent = false) => {
      if (inFlight.current === fetchPage) return;
      inFlight.current = fetchPage;
      if (!isSilent) setNotice("Loading…");
      let error = "";
      try {
        const found = await fetchPage(longhaul, previous?.cursor);
        if (inFlight.current === fetchPage) setPage({ ...found, items: [...(previous?.items ?? []), ...found.items] });
      } catch (reason) {
        error = (reason as Error).message;
      }
      if (inFlight.current !== fetchPage) return;
      inFlight.current = undefined;
      setNotice(error);
    },
    [longhaul, fetchPage],
  );
  useEffect(() => setPage({ items: [] }), [fetchPage]);
  useEffect(() => {
    void load();
    const refresh = () => {
      if (document.visibilityState !== "hidden") void load(undefined, true);
    };
    const timer = refreshMs && setInterval(refresh, refreshMs);
    return () => clearInterval(timer);
  }, [connection.state, refreshMs, load]);
  return {
    items: page.items,
    notice,
    isTruncated: page.isTruncated ?? false,
    loadMore: page.cursor ? () => void load(page) : undefined,
    refresh: () => void load(),
  };
}
