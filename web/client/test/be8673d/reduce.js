/* The reducer of the client library as of commit be8673d, compiled. It is pinned: a client that is out there stays as it is. */
"use strict";
export function initial(after = 0) {
  return {
    status: "submitting",
    progress: 0,
    message: "",
    attempt: 0,
    content: "",
    applied: after,
    chunks: [],
    waiting: [],
    head: after
  };
}
export function isOver(state) {
  return ["completed", "failed", "cancelled", "gone"].includes(state.status);
}
export function isBehind(state) {
  return state.head > state.applied;
}
export function reduce(state, event, applied) {
  const draft = { ...state, chunks: [...state.chunks] };
  draft.jobId ??= event.jobId;
  const next = (event2) => {
    apply(draft, event2);
    applied?.(event2);
  };
  let waiting = [...state.waiting];
  if (event.type === "subscribed") {
    if (event.mode === "gone") {
      return { ...state, jobId: draft.jobId, status: "gone", head: state.applied, waiting: [] };
    }
    for (const missed of inOrder(event.events)) {
      if (missed.seq > draft.applied) next(missed);
    }
    if (!event.more) draft.applied = Math.max(draft.applied, event.head);
    if (!event.more && draft.applied >= event.head && draft.status === "submitting") {
      draft.status = event.status;
    }
    draft.head = Math.max(draft.head, event.head);
  } else if (event.seq > draft.applied && !waiting.some((known) => known.seq === event.seq)) {
    waiting = inOrder([...waiting, event]);
    draft.head = Math.max(draft.head, event.seq);
  }
  draft.waiting = waiting.filter((held) => {
    if (held.seq === draft.applied + 1) next(held);
    return held.seq > draft.applied;
  });
  draft.head = Math.max(draft.head, draft.applied);
  return draft;
}
function inOrder(events) {
  return [...events].sort((a, b) => a.seq - b.seq);
}
function apply(job, event) {
  job.applied = event.seq;
  if (isOver(job)) {
    const { jobId, query, applied, head } = job;
    for (const name of Object.keys(job)) delete job[name];
    Object.assign(job, initial(), { jobId, query, applied, head });
  }
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
