/** React: what is published on a topic, and the user's inbox. */
"use client";
import { useCallback, useEffect, useRef, useState } from "react";
import { callSafely, type LonghaulError } from "./error.js";
import { useClient } from "./reactClient.js";
import { type Filters, type Gap, inbox, type Mail, type Notification, topic } from "./topics.js";

/** Number of items that are kept by default. */
const LIMIT = 100;

export interface UseTopicOptions<T> {
  /** Conditions on the payload. */
  filters?: Filters;
  /** Maximum number of items to keep, the newest. Default 100. */
  limit?: number;
  onNotification?: (notification: Notification<T>) => void;
  /** Called when publications may be missing: read again what the topic keeps up to date. */
  onGap?: (gap: Gap) => void;
}

export interface UsedTopic<T> {
  /** The latest notifications, oldest first. */
  items: readonly Notification<T>[];
  latest?: Notification<T>;
  /** Whether the server has confirmed the subscription. */
  isSubscribed: boolean;
  /** Why the subscription was refused. */
  error?: LonghaulError;
}

/** Subscribes to a topic while the component is mounted. No topic: `null`. */
export function useTopic<T = Record<string, unknown>>(name: string | null | undefined, options: UseTopicOptions<T> = {}): UsedTopic<T> {
  const longhaul = useClient("useTopic");
  const [state, setState] = useState<UsedTopic<T>>({ items: [], isSubscribed: false });
  const latest = useRef(options);
  useEffect(() => void (latest.current = options));
  const filters = JSON.stringify(options.filters ?? {});
  useEffect(() => {
    setState({ items: [], isSubscribed: false });
    if (!name) return;
    let isMounted = true;
    const subscription = topic<T>(longhaul, name, JSON.parse(filters), { onGap: (gap) => latest.current.onGap?.(gap) });
    const set = (update: (state: UsedTopic<T>) => UsedTopic<T>) => isMounted && setState(update);
    const read = async () => {
      for await (const notification of subscription) {
        if (!isMounted) return;
        set(({ items, ...state }) => ({ ...state, items: [...items, notification].slice(-(latest.current.limit ?? LIMIT)), latest: notification }));
        callSafely(() => latest.current.onNotification?.(notification));
      }
    };
    subscription.ready.then(() => set((state) => ({ ...state, isSubscribed: true })), () => {});
    read().catch((error: LonghaulError) => set((state) => ({ ...state, error, isSubscribed: false })));
    return () => {
      isMounted = false;
      subscription.close();
    };
  }, [longhaul, name, filters]);
  return state;
}

export interface UseInboxOptions {
  /** Maximum number of entries to keep, the newest. Default 100. */
  limit?: number;
  onEntry?: (entry: Mail) => void;
}

export interface UsedInbox {
  /** Entries that are not acknowledged, oldest first. */
  entries: readonly Mail[];
  /** Marks an entry as read on every device and takes it out of the list. Rejects, and puts it back, if that fails. */
  acknowledge(id: string): Promise<void>;
}

/**
 * The user's inbox. The server delivers it to each new connection, so use this hook where it is mounted from the start,
 * near the provider.
 */
export function useInbox(options: UseInboxOptions = {}): UsedInbox {
  const longhaul = useClient("useInbox");
  const [entries, setEntries] = useState<readonly Mail[]>([]);
  const latest = useRef(options);
  useEffect(() => void (latest.current = options));
  useEffect(() => {
    const mails = inbox(longhaul);
    const read = async () => {
      for await (const entry of mails) {
        setEntries((entries) => [...entries, entry].slice(-(latest.current.limit ?? LIMIT)));
        callSafely(() => latest.current.onEntry?.(entry));
      }
    };
    void read();
    return () => {
      mails.close();
      setEntries([]);
    };
  }, [longhaul]);
  const acknowledge = useCallback(
    async (id: string) => {
      const entry = entries.find((entry) => entry.id === id);
      if (!entry) return;
      setEntries((entries) => entries.filter((entry) => entry.id !== id));
      await entry.acknowledge().catch((error) => {
        setEntries((entries) => [...entries, entry].sort((a, b) => a.timestamp - b.timestamp));
        throw error;
      });
    },
    [entries],
  );
  return { entries, acknowledge };
}
