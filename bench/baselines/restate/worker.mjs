// Runs the jobs, each a workflow of Restate. A job whose worker has died is run again from Restate's journal, and all
// that was told of it is told again: the front drops what it has heard.

import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import * as restate from "@restatedev/restate-sdk";

// The SDK takes it for granted; Node has it from 22 on.
Promise.withResolvers ??= function () {
  const its = {};
  its.promise = new this((resolve, reject) => Object.assign(its, { resolve, reject }));
  return its;
};

/** To the front: a line for each event. What is written before there is a connection waits for it. */
function toFront(port) {
  let socket;
  const open = () => {
    socket = connect({ host: "127.0.0.1", port, noDelay: true });
    // A front that dies takes along who would have heard of the jobs.
    socket.on("error", () => {});
    socket.on("close", () => setTimeout(100).then(open));
  };
  open();
  return (jobId, event) => socket.write(`${JSON.stringify({ jobId, event })}\n`);
}

const tell = toFront(Number(process.env.EVENTS_PORT));

async function run(ctx, { owner, kind, query, params: { steps, bytes } }) {
  let seq = 1;
  /** Writes what a user reads of the job, and tells of it once it is kept: what was set before a step has ended is. */
  async function next(event, now) {
    seq += 1;
    ctx.set("job", { owner, kind, query, head: seq, ...now });
    await ctx.run(`event ${seq}`, () => {});
    tell(ctx.key, { ...event, seq });
  }
  // Without `attempt`: the SDK doesn't say which this is.
  const status = "processing";
  const report = (message, progress) =>
    next({ type: "progress_update", status, message, progress }, { status, progress });

  await report("Started", 10);
  for (let step = 1; step <= steps; step++) {
    await report(`Step ${step} of ${steps}`, Math.max(10, Math.floor((100 * step) / steps)));
  }
  const result = { agent: "noop", query, response: "x".repeat(bytes) };
  await next({ type: "job_completed", result }, { status: "completed", progress: 100, result });
}

/** A job as it is kept, if it was begun. */
const find = (ctx) => ctx.get("job");

const job = restate.workflow({ name: "job", handlers: { run, find } });

await restate.serve({
  services: [job],
  port: Number(process.env.WORKER_PORT),
  logger: ({ level }, message, ...more) => level === "error" && console.error(message, ...more),
});
