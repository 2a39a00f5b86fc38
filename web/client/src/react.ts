/**
 * React's view of a client and its jobs. It keeps no state of its own: both tell when they change.
 */
import { createContext, type Provider, useContext, useEffect, useState, useSyncExternalStore } from "react";
import type { Longhaul } from "./client.js";
import type { StateChange } from "./options.js";
import type { Job } from "./job.js";
import { type JobState, initial } from "./reduce.js";

const Context = createContext<Longhaul | null>(null);

/** Gives the components below it the client: `<LonghaulProvider value={longhaul}>`. */
export const LonghaulProvider: Provider<Longhaul | null> = Context.Provider;

/** The client of the provider above, and its connection's state, live. */
export function useLonghaul(): { longhaul: Longhaul; connection: StateChange } {
  const longhaul = useContext(Context);
  if (!longhaul) throw new Error("useLonghaul needs a LonghaulProvider above it.");
  const getState = () => longhaul.state;
  const connection = useSyncExternalStore((onChange) => longhaul.on("state", onChange), getState, getState);
  return { longhaul, connection };
}

export interface UsedJob<R> extends JobState<R> {
  /** The job itself, to cancel it or to iterate over it. */
  job?: Job<R>;
  /** Why there is no result and won't be: the job's own failure, or that it could not be followed. */
  failure?: unknown;
}

const NO_JOB = initial<never>();
const subscribeToNothing = () => () => {};

/**
 * A job's state, live, with its result however large. Takes what `query` gave, or an id to follow (other
 * components may look at the same job, so it is followed until it ends or you `leave` it), or nothing yet.
 */
export function useJob<R = unknown>(jobOrId: Job<R> | string | undefined): UsedJob<R> {
  const longhaul = useContext(Context);
  const [followed, setFollowed] = useState<Job<R>>();
  const [failure, setFailure] = useState<unknown>();
  const id = typeof jobOrId === "string" ? jobOrId : undefined;
  useEffect(() => {
    if (id === undefined) return;
    if (!longhaul) throw new Error("useJob with an id needs a LonghaulProvider above it.");
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
