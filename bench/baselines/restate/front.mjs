// The front end: accepts jobs over WebSockets, submits them to Restate, and pushes the worker's events.

import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { connect } from "@restatedev/restate-sdk-clients";
import { serve } from "../gateway.mjs";

const restate = connect({ url: `http://127.0.0.1:${process.env.INGRESS_PORT}` });
const workflow = (jobId) => restate.workflowClient({ name: "job" }, jobId);

const pushEvent = serve({
  port: Number(process.env.PORT),
  secret: process.env.LONGHAUL_JWT_SECRET,
  submit: ({ jobId, ...job }) => workflow(jobId).workflowSubmit(job),
  /** Restate starts a job at once, so a job that has not started is some milliseconds old or does not exist. */
  async find(jobId, user) {
    const { owner, ...job } = (await workflow(jobId).find()) ?? {};
    if (owner === user) return { jobId, ...job };
  },
});

const events = createServer((worker) => {
  worker.on("error", (error) => console.error(error));
  createInterface({ input: worker }).on("line", (line) => {
    const { jobId, event } = JSON.parse(line);
    pushEvent(jobId, event);
  });
});
events.listen(Number(process.env.EVENTS_PORT), "127.0.0.1");
