// Takes jobs over WebSockets, hands them to Restate, and tells how they go on, as the worker says.

import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { connect } from "@restatedev/restate-sdk-clients";
import { serve } from "../gateway.mjs";

const restate = connect({ url: `http://127.0.0.1:${process.env.INGRESS_PORT}` });
const workflow = (jobId) => restate.workflowClient({ name: "job" }, jobId);

const tell = serve({
  port: Number(process.env.PORT),
  secret: process.env.LONGHAUL_JWT_SECRET,
  submit: ({ jobId, ...job }) => workflow(jobId).workflowSubmit(job),
  /** Restate begins a job as soon as it has it: one that it hasn't begun is some milliseconds old, if it is at all. */
  async find(jobId, user) {
    const { owner, ...job } = (await workflow(jobId).find()) ?? {};
    if (owner === user) return { jobId, ...job };
  },
});

const events = createServer((worker) => {
  worker.on("error", (error) => console.error(error));
  createInterface({ input: worker }).on("line", (line) => {
    const { jobId, event } = JSON.parse(line);
    tell(jobId, event);
  });
});
events.listen(Number(process.env.EVENTS_PORT), "127.0.0.1");
