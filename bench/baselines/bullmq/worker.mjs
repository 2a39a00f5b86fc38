// Runs the jobs. A report is in Redis before it is pushed: BullMQ writes the job's progress and the event in one script.
// A job that is taken over from a dead worker continues from its progress.

import { Worker } from "bullmq";
import { QUEUE, connection } from "./queue.mjs";

/** The lease of the stack that it is compared with. */
const LEASE_MS = Number(process.env.LEASE_SECONDS) * 1000;

async function noop(job) {
  const { steps, bytes } = job.data.params;
  let { seq, step } = { seq: 1, step: 0, ...job.progress };
  const report = (message, progress) => job.updateProgress({ seq: ++seq, step, message, progress, attempt: job.attemptsStarted });
  if (seq === 1) await report("Started", 10);
  while (step < steps) {
    step += 1;
    await report(`Step ${step} of ${steps}`, Math.max(10, Math.floor((100 * step) / steps)));
  }
  return { seq: seq + 1, result: { agent: "noop", query: job.data.query, response: "x".repeat(bytes) } };
}

const worker = new Worker(QUEUE, noop, {
  connection,
  concurrency: 64,
  lockDuration: LEASE_MS,
  stalledInterval: LEASE_MS,
});
worker.on("error", (error) => console.error(error));
