// The front end: accepts jobs over WebSockets and pushes their events from BullMQ's stream.

import { Queue, QueueEvents } from "bullmq";
import { serve } from "../gateway.mjs";
import { QUEUE, connection } from "./queue.mjs";

// Finished jobs stay: BullMQ's default.
const queue = new Queue(QUEUE, { connection, defaultJobOptions: { attempts: 3 } });
const events = new QueueEvents(QUEUE, { connection });
await events.waitUntilReady();

const pushEvent = serve({
  port: Number(process.env.PORT),
  secret: process.env.LONGHAUL_JWT_SECRET,
  submit: ({ jobId, ...data }) => queue.add(data.kind, data, { jobId }),
  async find(jobId, owner) {
    const job = await queue.getJob(jobId);
    if (job?.data.owner !== owner) return;
    const { kind, query } = job.data;
    const { progress = 5, seq = 1 } = job.progress;
    const ended = job.finishedOn && (job.failedReason ? "failed" : "completed");
    return {
      jobId, kind, query,
      status: ended || (job.processedOn ? "processing" : "queued"),
      progress: ended ? 100 : progress,
      head: ended ? seq + 1 : seq,
      result: job.returnvalue?.result,
    };
  },
});

events.on("progress", ({ jobId, data }) => pushEvent(jobId, { type: "progress_update", status: "processing", ...data }));
events.on("completed", ({ jobId, returnvalue }) => pushEvent(jobId, { type: "job_completed", ...returnvalue }));
events.on("failed", async ({ jobId, failedReason }) => {
  const job = await queue.getJob(jobId);
  const seq = (job?.progress.seq ?? 1) + 1;
  pushEvent(jobId, { type: "job_failed", seq, error: failedReason, code: "ANALYSIS_FAILED", retryable: false, attempts: job?.attemptsMade });
});
