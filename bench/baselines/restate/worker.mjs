// Runs the jobs, each a workflow of Restate. A job whose worker has died runs again from Restate's journal and sends all
// its events again; the front end drops duplicates.

import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import * as restate from "@restatedev/restate-sdk";

// The SDK requires it; Node has it from version 22.
Promise.withResolvers ??= function () {
  const its = {};
  its.promise = new this((resolve, reject) => Object.assign(its, { resolve, reject }));
  return its;
};

/** Sends a line for each event to the front end. Lines that are written before it is connected wait. */
function toFront(port) {
  let socket;
  const open = () => {
    socket = connect({ host: "127.0.0.1", port, noDelay: true });
    // If the front end dies, its clients' connections are gone too.
    socket.on("error", () => {});
    socket.on("close", () => setTimeout(100).then(open));
  };
  open();
  return (jobId, event) => socket.write(`${JSON.stringify({ jobId, event })}\n`);
}

const sendEvent = toFront(Number(process.env.EVENTS_PORT));

async function run(ctx, { owner, kind, query, params: { steps, bytes } }) {
  let seq = 1;
  /** Sets the job's state, and sends the event once the state is in the journal, which an ended step ensures. */
  async function next(event, now) {
    seq += 1;
    ctx.set("job", { owner, kind, query, head: seq, ...now });
    await ctx.run(`event ${seq}`, () => {});
    sendEvent(ctx.key, { ...event, seq });
  }
  // Without `attempt`, which the SDK does not provide.
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

/** The stored job, if it has started. */
const find = (ctx) => ctx.get("job");

const job = restate.workflow({ name: "job", handlers: { run, find } });

await restate.serve({
  services: [job],
  port: Number(process.env.WORKER_PORT),
  logger: ({ level }, message, ...more) => level === "error" && console.error(message, ...more),
});
