/** Types of the frames on the wire, and the check that distinguishes a job's events from replies. */

import type * as wire from "./frames.js";
import type { Usage } from "./frames.js";

export type {
  AttemptFailed,
  AttemptStarted,
  Chunk,
  HandedOver,
  JobCancelled,
  JobFailed,
  JobQueued,
  ProgressUpdate,
  Step,
  StreamReset,
  Usage,
  Warning,
  WorkerLost,
} from "./frames.js";

/** An event of a job, as servers from before `at` send it too. */
type Dated<E> = E extends unknown ? Omit<E, "at"> & { at?: string } : never;

/** Location of a result that is too large for a frame. */
export type ResultRef = Omit<wire.ResultRef, "url"> & { url: string };

/** The job ended with a result of the type `R`. */
export type JobCompleted<R = unknown> = Omit<wire.JobCompleted, "at" | "result" | "resultRef" | "usage"> & {
  at?: string;
  result?: R;
  resultRef?: ResultRef;
  usage?: Usage;
};

/** An event of a job. */
export type JobEvent<R = unknown> = Dated<Exclude<wire.JobEvent, wire.JobCompleted>> | JobCompleted<R>;

/** An event after which no attempt runs until the next one starts. */
export type Interruption = Extract<JobEvent, { type: "attempt_failed" | "worker_lost" | "handed_over" }>;

/** The reply to `subscribe`, and to a `query` whose idempotency key is already in use. */
export type Subscribed<R = unknown> = Omit<wire.Subscribed, "events" | "timestamp"> & { events: JobEvent<R>[] };

/** A job as `getJob` and `listJobs` return it; `params`, `result` and `resultRef` by `getJob` only. */
export type JobView<R = unknown> = Omit<wire.JobWithResult, "result" | "resultRef"> & { result?: R; resultRef?: ResultRef };

/** The result of a job of kind `finops`. */
export interface FinopsResult {
  agent: string;
  query: string;
  /** Markdown. */
  response: string;
  cost_analysis: CostSection & {
    period?: { start: string; end: string } | null;
    /** `service`, `account`, `region`, `day`, `month` or `tag:<key>`. */
    groupedBy?: string | null;
    /** One section for each further currency. Currencies are never added up. */
    otherCurrencies?: CostSection[];
    [more: string]: unknown;
  };
  optimization_recommendations: Recommendation[];
}

/** Costs in one currency. Amounts are exact decimals in strings. */
export interface CostSection {
  currency?: string;
  total?: string;
  groups?: { key: string; amount: string }[];
  /** Number and sum of the groups that are not listed. */
  others?: { groups: number; amount: string } | null;
}

export interface Recommendation {
  title: string;
  detail: string;
  /** `spike`: `amount` is the cost above the usual level. `idle_resource`: `amount` is the whole cost. */
  kind?: string;
  amount?: string;
  currency?: string;
  /** Rows and daily sums of the bill that support the recommendation. */
  evidence?: Record<string, unknown>[];
  [more: string]: unknown;
}

/** Result type of each kind. Add your own by module augmentation; other kinds have the result type `unknown`. */
export interface Results {
  finops: FinopsResult;
}

/** The result type of the kind `K`. */
export type ResultOf<K extends string> = K extends keyof Results ? Results[K] : unknown;

/** Any frame. Only errors that API Gateway itself sends have no `type`. */
export interface Frame {
  type?: string;
  requestId?: string;
  [field: string]: unknown;
}

/** Maximum size of a frame to the server, in bytes. API Gateway closes the connection on a larger one. */
export const FRAME_BYTES = 32_000;

/** Whether a frame is an event of a job. Only events have a `seq`. */
export function isEvent(frame: Frame): frame is Frame & JobEvent {
  return typeof frame.seq === "number" && typeof frame.jobId === "string";
}
