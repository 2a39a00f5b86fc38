/**
 * A pure reducer for the events of a job. Events may arrive in any order and more than once; the state is the same
 * as after an undisturbed, ordered delivery. The rules: apply events in order of `seq`, ignore those already applied,
 * hold back those above a gap, and close a gap with `subscribe` and `after`. An event of an unknown `type` changes
 * nothing but the last `seq` applied.
 */
import type { Interruption, JobEvent, ResultRef, Subscribed, Usage } from "./protocol.js";

/** `refused`: the server did not accept the job, or it was never sent. `gone`: there is no such job. */
export type Status = "submitting" | "queued" | "processing" | "retrying" | "completed" | "failed" | "cancelled" | "refused" | "gone";

/** Everything known about a job. Immutable. */
export interface JobState<R = unknown> {
  readonly jobId?: string;
  /** `submitting` until the first event or reply of the server. */
  readonly status: Status;
  /** 0 to 100. */
  readonly progress: number;
  readonly message: string;
  readonly attempt: number;
  readonly query?: string;
  /** The text streamed so far. */
  readonly content: string;
  readonly result?: R;
  readonly resultRef?: ResultRef;
  readonly usage?: Usage;
  /** Why there is no result, or why nothing more is received: set whenever the job's promise rejects. */
  readonly error?: { code: string; message: string; retryable: boolean };
  readonly cancelledBy?: string;
  /**
   * Why no attempt runs: the latest one failed and the next starts at `retryAt`, its worker is lost, or it goes on in
   * another invocation. Missing as soon as an attempt runs again.
   */
  readonly interruption?: Interruption;
  /** Up to this `seq`, events were left out for this client, since later ones replace them. `Job.history` has them. */
  readonly skippedThrough?: number;
  /** The last `seq` applied; pass it to `subscribe` as `after`. */
  readonly applied: number;
  /** The parts of `content` by `seq`. A `stream_reset` removes the latest of them. */
  readonly chunks: readonly { seq: number; content: string }[];
  /** Events above a gap, sorted by `seq`, without duplicates. */
  readonly waiting: readonly JobEvent<R>[];
  /** The highest `seq` known to exist. Greater than `applied` while events are missing. */
  readonly head: number;
}

type Draft<R> = { -readonly [name in keyof JobState<R>]: JobState<R>[name] } & {
  chunks: { seq: number; content: string }[];
};

/** The state before the first event. `after` is the last `seq` that was already applied elsewhere. */
export function initial<R = unknown>(after = 0): JobState<R> {
  return {
    status: "submitting",
    progress: 0,
    message: "",
    attempt: 0,
    content: "",
    applied: after,
    chunks: [],
    waiting: [],
    head: after,
  };
}

/** Whether the job has ended, does not exist, or is no longer followed. */
export function isOver(state: JobState): boolean {
  // Open are: submitting, queued, processing and retrying.
  return state.error !== undefined || !/ing$|queued/.test(state.status);
}

/** Whether events are missing. Then send `subscribe` with `after: state.applied`. */
export function isBehind(state: JobState): boolean {
  return state.head > state.applied;
}

/**
 * Applies an event, or the reply to a `subscribe` whose `after` was not above `state.applied`.
 * Calls `onApplied` with each event that is applied, in order of `seq`.
 */
export function reduce<R>(
  state: JobState<R>,
  event: JobEvent<R> | Subscribed<R>,
  onApplied?: (event: JobEvent<R>) => void,
): JobState<R> {
  const draft: Draft<R> = { ...state, chunks: [...state.chunks] };
  draft.jobId ??= event.jobId;
  const applyNext = (event: JobEvent<R>) => {
    apply(draft, event);
    onApplied?.(event);
  };
  let waiting = [...state.waiting];
  if (event.type === "subscribed") {
    if (event.mode === "gone") {
      return { ...state, jobId: draft.jobId, status: "gone", head: state.applied, waiting: [] };
    }
    // A replay omits superseded events, so there may be gaps in `seq` up to its head.
    if (event.skippedThrough! > draft.applied) draft.skippedThrough = event.skippedThrough;
    for (const replayed of sortBySeq(event.events)) {
      if (replayed.seq > draft.applied) applyNext(replayed);
    }
    if (!event.more) draft.applied = Math.max(draft.applied, event.head);
    // If the last event was already applied elsewhere, no event carries the status.
    if (!event.more && draft.applied >= event.head && draft.status === "submitting") {
      draft.status = event.status as Status;
    }
    draft.head = Math.max(draft.head, event.head);
  } else if (event.seq > draft.applied && !waiting.some((other) => other.seq === event.seq)) {
    waiting = sortBySeq([...waiting, event]);
    draft.head = Math.max(draft.head, event.seq);
  }
  draft.waiting = waiting.filter((pending) => {
    if (pending.seq === draft.applied + 1) applyNext(pending);
    return pending.seq > draft.applied;
  });
  draft.head = Math.max(draft.head, draft.applied);
  return draft;
}

function sortBySeq<R>(events: readonly JobEvent<R>[]): JobEvent<R>[] {
  return [...events].sort((a, b) => a.seq - b.seq);
}

function apply<R>(job: Draft<R>, event: JobEvent<R>): void {
  job.applied = event.seq;
  if (isOver(job)) {
    // An operator replayed the job: discard the state of the previous run.
    const { jobId, query, applied, head } = job;
    for (const name of Object.keys(job)) delete (job as Record<string, unknown>)[name];
    Object.assign(job, initial<R>(), { jobId, query, applied, head });
  }
  delete job.interruption;
  switch (event.type) {
    case "job_queued":
      Object.assign(job, { status: "queued", query: event.query, message: event.message, progress: event.progress });
      break;
    case "progress_update":
      Object.assign(job, { status: event.status, message: event.message, progress: event.progress, attempt: event.attempt });
      break;
    case "chunk":
      job.status = "processing";
      job.chunks.push({ seq: event.seq, content: event.content });
      job.content += event.content;
      break;
    case "stream_reset":
      job.attempt = event.attempt;
      job.chunks = job.chunks.filter((chunk) => chunk.seq <= event.keepThrough);
      job.content = job.chunks.map((chunk) => chunk.content).join("");
      break;
    case "attempt_failed":
    case "worker_lost":
    case "handed_over":
      Object.assign(job, { status: event.type === "handed_over" ? "queued" : "retrying", interruption: event });
      break;
    case "job_completed":
      Object.assign(job, { status: "completed", progress: 100, message: "", result: event.result });
      if (event.resultRef) job.resultRef = event.resultRef;
      if (event.usage) [job.usage, job.attempt] = [event.usage, event.usage.attempts];
      break;
    case "job_failed":
      Object.assign(job, { status: "failed", message: event.error, attempt: event.attempts });
      job.error = { code: event.code, message: event.error, retryable: event.retryable };
      break;
    case "job_cancelled":
      Object.assign(job, { status: "cancelled", message: "", cancelledBy: event.by });
      job.content = event.content ?? job.content;
      break;
  }
}
