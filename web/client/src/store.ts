/**
 * Where submitted jobs are noted so that they outlive a page. It refuses to know when that is, and what a
 * job has said: a job is read again from its first event.
 */

/** A submitted job, enough to find it again or to submit it again without doubling it. */
export interface Saved {
  idempotencyKey: string;
  /** The token's `sub`: nobody else resumes it. */
  user: string;
  kind: string;
  text: string;
  params?: Record<string, unknown>;
  deadlineSeconds?: number;
  sessionId?: string;
  supersede?: boolean;
  /** Missing until the server has acknowledged it. */
  jobId?: string;
  /** Epoch milliseconds of the submit. */
  at: number;
}

/** Bring your own for other places. What it throws is taken for "not kept". */
export interface Store {
  load(): Saved[] | Promise<Saved[]>;
  /** Writes under `idempotencyKey`, over what is there. */
  save(job: Saved): void;
  remove(idempotencyKey: string): void;
}

/** One entry per job, so that tabs don't overwrite each other. */
export function webStore(storage: Storage, prefix = "longhaul:"): Store {
  return {
    load() {
      const names = Object.keys(storage).filter((name) => name.startsWith(prefix));
      return names.flatMap((name) => {
        try {
          return [JSON.parse(storage.getItem(name)!) as Saved];
        } catch {
          return [];
        }
      });
    },
    save: (job) => storage.setItem(prefix + job.idempotencyKey, JSON.stringify(job)),
    remove: (key) => storage.removeItem(prefix + key),
  };
}

/** `localStorage` where there is one that may be used; none in Node and in workers. */
export function defaultStore(): Store | undefined {
  try {
    // Node has a `localStorage` from 22 on, which is a file and warns; a page has a document.
    return typeof document === "object" ? webStore(localStorage) : undefined;
  } catch {
    return undefined;
  }
}
