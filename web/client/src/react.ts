/** React bindings: a provider for the client, and hooks that re-render when the connection or a job changes. */
import { createContext, type Provider, useContext, useEffect, useState, useSyncExternalStore } from "react";
import type { Longhaul } from "./client.js";
import type { StateChange } from "./options.js";
import type { Job } from "./job.js";
import { initial, type JobState } from "./reduce.js";

const Context = createContext<Longhaul | null>(null);

/** Makes the client available to its children: `<LonghaulProvider value={longhaul}>`. */
export const LonghaulProvider: Provider<Longhaul | null> = Context.Provider;

/** The client of the nearest `LonghaulProvider`, and the current state of its connection. */
export function useLonghaul(): { longhaul: Longhaul; connection: StateChange } {
  const longhaul = useContext(Context);
  if (!longhaul) throw new Error("useLonghaul must be used inside a LonghaulProvider.");
  const getState = () => longhaul.state;
  const connection = useSyncExternalStore((onChange) => longhaul.on("state", onChange), getState, getState);
  return { longhaul, connection };
}

export interface UsedJob<R> extends JobState<R> {
  /** The job itself, to cancel it or to iterate over it. */
  job?: Job<R>;
  /** Why there is no result: the job failed, or it could not be followed. */
  failure?: unknown;
}

const NO_JOB = initial<never>();
const subscribeToNothing = () => () => {};

/**
 * The current state of a job, including a large result once it is downloaded. Pass the job from `query`, a job id to
 * follow, or `undefined`. A followed job is shared between components, so unmounting does not
 * stop it: it is followed until it ends or until `job.leave()`.
 */
export function useJob<R = unknown>(jobOrId: Job<R> | string | undefined): UsedJob<R> {
  const longhaul = useContext(Context);
  const [followed, setFollowed] = useState<Job<R>>();
  const [failure, setFailure] = useState<unknown>();
  const id = typeof jobOrId === "string" ? jobOrId : undefined;
  useEffect(() => {
    if (id === undefined) return;
    if (!longhaul) throw new Error("useJob with a job id must be used inside a LonghaulProvider.");
    const job = longhaul.follow<R>(id);
    setFollowed(job);
    return () => setFollowed(undefined);
  }, [longhaul, id]);
  const job = typeof jobOrId === "object" ? jobOrId : followed;
  useEffect(() => {
    let isMounted = true;
    setFailure(undefined);
    job?.result().catch((reason: unknown) => isMounted && setFailure(reason));
    return () => {
      isMounted = false;
    };
  }, [job]);
  const getState = (): JobState<R> => job?.state ?? NO_JOB;
  const state = useSyncExternalStore(job ? (onChange) => job.onChange(onChange) : subscribeToNothing, getState, getState);
  return { ...state, job, failure };
}
