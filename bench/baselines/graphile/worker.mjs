// Runs the jobs. A job that ran before continues from the progress in its row.

import { Logger, run } from "graphile-worker";
import pg from "pg";
import { report, notify } from "./database.mjs";

const CONCURRENCY = 32;
// One for each job, and one that listens for new ones.
const pool = new pg.Pool({ max: CONCURRENCY + 1 });
pool.on("error", (error) => console.error(error));
pool.on("connect", (client) => client.on("error", (error) => console.error(error)));
const query = (statement) => pool.query(statement);

async function noop({ jobId }, { job: { attempts } }) {
  const { rows } = await pool.query({ name: "load", text: "SELECT * FROM jobs WHERE id = $1", values: [jobId] });
  const job = rows[0];
  // The previous worker may have died between its last write and the notification.
  if (job.seq > 1) await notify(query, jobId, { seq: job.seq });
  if (job.status === "completed") return;
  const { steps, bytes } = job.params;
  const next = async (event) => {
    await report(query, job, { ...event, seq: job.seq + 1 });
    job.seq += 1;
  };
  const progress = (message) =>
    next({ type: "progress_update", status: "processing", message, progress: job.progress, attempt: attempts });
  job.status = "processing";
  if (job.seq === 1) {
    job.progress = 10;
    await progress("Started");
  }
  while (job.step < steps) {
    job.step += 1;
    job.progress = Math.max(10, Math.floor((100 * job.step) / steps));
    await progress(`Step ${job.step} of ${steps}`);
  }
  job.status = "completed";
  await next({ type: "job_completed", result: { agent: "noop", query: job.query, response: "x".repeat(bytes) } });
}

// This is the only worker process, so a dead one holds all current locks. Graphile Worker itself would wait for four
// hours.
await pool.query(`SELECT graphile_worker.force_unlock_workers(array_agg(DISTINCT locked_by))
  FROM graphile_worker._private_jobs WHERE locked_by IS NOT NULL`);

const quiet = new Logger(() => (level, message) => ["error", "warning"].includes(level) && console.error(message));
const runner = await run({
  pgPool: pool,
  concurrency: CONCURRENCY,
  taskList: { noop },
  logger: quiet,
  noHandleSignals: true,
});
await runner.promise;
