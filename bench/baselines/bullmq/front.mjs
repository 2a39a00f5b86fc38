// Takes jobs over WebSockets and tells how they go on, from BullMQ's stream of events.

import { Queue, QueueEvents } from "bullmq";
import { serve } from "../gateway.mjs";
import { QUEUE, connection } from "./queue.mjs";

// Finished jobs are kept: BullMQ's default.
const queue = new Queue(QUEUE, { connection, defaultJobOptions: { attempts: 3 } });
const events = new QueueEvents(QUEUE, { connection });
await events.waitUntilReady();

const tell = serve({
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

events.on("progress", ({ jobId, data }) => tell(jobId, { type: "progress_update", status: "processing", ...data }));
events.on("completed", ({ jobId, returnvalue }) => tell(jobId, { type: "job_completed", ...returnvalue }));
events.on("failed", async ({ jobId, failedReason }) => {
  const job = await queue.getJob(jobId);
  const seq = (job?.progress.seq ?? 1) + 1;
  tell(jobId, { type: "job_failed", seq, error: failedReason, code: "ANALYSIS_FAILED", retryable: false, attempts: job?.attemptsMade });
});
