/**
 * Stores submitted jobs so that the next page can resume them. Events are not stored: a resumed job is replayed
 * from its first event.
 */

/** A submitted job: enough to follow it again, or to submit it again without creating a duplicate. */
export interface Saved {
  idempotencyKey: string;
  /** The token's `sub`. Only this user resumes the job. */
  user: string;
  kind: string;
  text: string;
  params?: Record<string, unknown>;
  deadlineSeconds?: number;
  sessionId?: string;
  supersede?: boolean;
  /** Missing until the server has acknowledged it. */
  jobId?: string;
  /** When it was submitted, in epoch milliseconds. */
  at: number;
}

/** Implement this to store jobs elsewhere. Errors are ignored: a job that cannot be stored is not resumed. */
export interface Store {
  load(): Saved[] | Promise<Saved[]>;
  /** Writes the job under its `idempotencyKey` and replaces an earlier entry. */
  save(job: Saved): void;
  remove(idempotencyKey: string): void;
}

/** A `Store` in `localStorage` or `sessionStorage`. One entry per job, so that tabs do not overwrite each other. */
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

/** `localStorage` in a page where it is allowed; `undefined` in Node and in workers. */
export function defaultStore(): Store | undefined {
  try {
    // Node 22 and newer also has a `localStorage`, which is backed by a file and prints a warning. Only a page has a document.
    return typeof document === "object" ? webStore(localStorage) : undefined;
  } catch {
    return undefined;
  }
}
