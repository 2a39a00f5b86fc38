// Waits for Restate and registers the worker.

import { setTimeout } from "node:timers/promises";

const { ADMIN_PORT, INGRESS_PORT, WORKER_PORT } = process.env;
const admin = `http://127.0.0.1:${ADMIN_PORT}`;

for (const url of [`${admin}/health`, `http://127.0.0.1:${INGRESS_PORT}/restate/health`]) {
  while (!(await fetch(url).catch(() => {}))?.ok) await setTimeout(100);
}
const answer = await fetch(`${admin}/deployments`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ uri: `http://127.0.0.1:${WORKER_PORT}` }),
});
if (!answer.ok) throw new Error(`Restate rejected the worker: ${await answer.text()}`);
