/** Types of the frames on the wire, and the check that distinguishes a job's events from replies. */

/** Location of a result that is too large for a frame. */
export interface ResultRef {
  /** Presigned URL, valid for up to 15 minutes. */
  url: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
  contentType: string;
}

/** Attempts and times of a completed job. */
export interface Usage {
  attempts: number;
  queuedMs: number;
  runMs: number;
}

/** Fields that every event of a job has. */
interface EventEnvelope {
  jobId: string;
  /** Sequence number: 1 for `job_queued`, then increasing by 1. */
  seq: number;
  /** Unix seconds. */
  timestamp: number;
  /** The `requestId` of the frame that submitted the job. All followers receive it. */
  requestId?: string;
}

export type JobQueued = EventEnvelope & { type: "job_queued"; message: string; query: string; progress: number };
export type ProgressUpdate = EventEnvelope & {
  type: "progress_update";
  status: "processing" | "retrying";
  message: string;
  /** Percent, 0 to 100. Never decreases within an attempt. */
  progress: number;
  attempt: number;
};
export type Chunk = EventEnvelope & { type: "chunk"; content: string };
export type StreamReset = EventEnvelope & { type: "stream_reset"; attempt: number; keepThrough: number };
export type JobCompleted<R = unknown> = EventEnvelope & {
  type: "job_completed";
  result?: R;
  resultRef?: ResultRef;
  usage?: Usage;
};
export type JobFailed = EventEnvelope & {
  type: "job_failed";
  error: string;
  code: string;
  retryable: boolean;
  attempts: number;
};
export type JobCancelled = EventEnvelope & { type: "job_cancelled"; by: string; content?: string };

/** An event of a job. */
export type JobEvent<R = unknown> =
  | JobQueued
  | ProgressUpdate
  | Chunk
  | StreamReset
  | JobCompleted<R>
  | JobFailed
  | JobCancelled;

/** The reply to `subscribe`, and to a `query` whose idempotency key is already in use. */
export interface Subscribed<R = unknown> {
  type: "subscribed";
  jobId: string;
  status: string;
  /** The latest sequence number. */
  head: number;
  mode: "replay" | "gone";
  events: JobEvent<R>[];
  /** Whether another page follows: subscribe again with `after` set to the last `seq` of `events`. */
  more: boolean;
  requestId?: string;
}

/** A job as `getJob` and `listJobs` return it. Times are in ISO 8601. */
export interface JobView<R = unknown> {
  jobId: string;
  /** The owner. */
  userId: string;
  kind: string;
  query: string;
  status: "queued" | "processing" | "completed" | "failed" | "cancelled";
  progress: number;
  message: string;
  seq: number;
  attempt: number;
  createdAt: string;
  updatedAt: string;
  startedAt?: string;
  finishedAt?: string;
  deadlineAt?: string;
  requestId?: string;
  /** The error of the previous attempt. */
  lastError?: { code: string; message: string; at: string };
  /** Number of replays by an operator. */
  replays?: number;
  /** Returned by `getJob` only, as are `result` and `resultRef`. */
  params?: Record<string, unknown>;
  result?: R;
  resultRef?: ResultRef;
  error?: { code: string; message: string; retryable: boolean };
  cancelledBy?: string;
}

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
