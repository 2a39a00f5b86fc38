/**
 * What goes over the wire: the frames of PROTOCOL 1 to 5, as types, and the one check that tells a
 * job's event from a direct answer. It refuses to know what anyone does with them.
 */

/** Where a large result lies (PROTOCOL 4). */
export interface ResultRef {
  /** Presigned; good for up to 15 minutes. */
  url: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
  contentType: string;
}

/** What the job took. */
export interface Usage {
  attempts: number;
  queuedMs: number;
  runMs: number;
}

interface EventEnvelope {
  jobId: string;
  /** 1 for `job_queued`, then one more with each. */
  seq: number;
  /** Unix seconds. */
  timestamp: number;
  /** Of the frame that started the job, whoever sent it. */
  requestId?: string;
}

export type JobQueued = EventEnvelope & { type: "job_queued"; message: string; query: string; progress: number };
export type ProgressUpdate = EventEnvelope & {
  type: "progress_update";
  status: "processing" | "retrying";
  message: string;
  /** 0 to 100, never falling within an attempt. */
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

/** One numbered event of one job. */
export type JobEvent<R = unknown> =
  | JobQueued
  | ProgressUpdate
  | Chunk
  | StreamReset
  | JobCompleted<R>
  | JobFailed
  | JobCancelled;

/** The answer to `subscribe`, and to a submit under a key that is known already. */
export interface Subscribed<R = unknown> {
  type: "subscribed";
  jobId: string;
  status: string;
  /** The latest seq. */
  head: number;
  mode: "replay" | "gone";
  events: JobEvent<R>[];
  /** Whether to ask again from the last of `events`. */
  more: boolean;
  requestId?: string;
}

/** A job as `getJob` and `listJobs` show it; times in ISO 8601. */
export interface JobView<R = unknown> {
  jobId: string;
  /** Whose it is. */
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
  /** How the attempt before ended. */
  lastError?: { code: string; message: string; at: string };
  /** How often an operator let it run again. */
  replays?: number;
  /** From `getJob` only, as the next two. */
  params?: Record<string, unknown>;
  result?: R;
  resultRef?: ResultRef;
  error?: { code: string; message: string; retryable: boolean };
  cancelledBy?: string;
}

/** A result of kind `finops`. */
export interface FinopsResult {
  agent: string;
  query: string;
  /** Markdown. */
  response: string;
  cost_analysis: CostSection & {
    period?: { start: string; end: string } | null;
    /** `service`, `account`, `region`, `day`, `month` or `tag:<key>`. */
    groupedBy?: string | null;
    /** Currencies are never added to each other. */
    otherCurrencies?: CostSection[];
    [more: string]: unknown;
  };
  optimization_recommendations: Recommendation[];
}

/** What was billed in one currency. Amounts are exact decimals, as text. */
export interface CostSection {
  currency?: string;
  total?: string;
  groups?: { key: string; amount: string }[];
  /** What the groups that are left out come to. */
  others?: { groups: number; amount: string } | null;
}

export interface Recommendation {
  title: string;
  detail: string;
  /** `spike`: `amount` is what it cost above the usual. `idle_resource`: what it cost at all. */
  kind?: string;
  amount?: string;
  currency?: string;
  /** The rows and daily sums of the bill that it rests on. */
  evidence?: Record<string, unknown>[];
  [more: string]: unknown;
}

/** What each kind results in. Declare yours by module augmentation; unknown kinds give `unknown`. */
export interface Results {
  finops: FinopsResult;
}

export type ResultOf<K extends string> = K extends keyof Results ? Results[K] : unknown;

/** Any frame of the server's. Only API Gateway's own errors have no `type`. */
export interface Frame {
  type?: string;
  requestId?: string;
  [field: string]: unknown;
}

/** The largest frame that the server reads, in bytes (PROTOCOL 1). */
export const FRAME_BYTES = 32_000;

/** Whether a frame is an event of a job: those, and only those, are numbered. */
export function isEvent(frame: Frame): frame is Frame & JobEvent {
  return typeof frame.seq === "number" && typeof frame.jobId === "string";
}
