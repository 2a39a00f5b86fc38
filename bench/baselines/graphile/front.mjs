// The front end: accepts jobs over WebSockets and pushes their events on PostgreSQL's notifications.

import pg from "pg";
import { serve } from "../gateway.mjs";
import { CHANNEL, SUBMIT, notifiedEvent } from "./database.mjs";

const pool = new pg.Pool({ max: 20 });
pool.on("error", (error) => console.error(error));
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const pushEvent = serve({
  port: Number(process.env.PORT),
  secret: process.env.LONGHAUL_JWT_SECRET,
  submit({ jobId, owner, kind, query, params }) {
    const event = { type: "job_queued", seq: 1, message: "Queued", query, progress: 5 };
    return pool.query({ ...SUBMIT, values: [jobId, owner, kind, query, JSON.stringify(params), JSON.stringify(event)] });
  },
  async find(jobId, owner) {
    if (!UUID.test(jobId)) return;
    const { rows } = await pool.query({
      name: "find",
      text: `SELECT id AS "jobId", kind, query, status, progress, seq AS head, result FROM jobs
        WHERE id = $1 AND owner = $2`,
      values: [jobId, owner],
    });
    return rows[0];
  },
});

const listener = new pg.Client();
await listener.connect();
// Notifications come in the order of the commits. The next one waits while an event is read from its row.
let last = Promise.resolve();
listener.on("notification", ({ payload }) => {
  last = last
    .then(() => notifiedEvent(pool, payload))
    .then(({ jobId, event }) => pushEvent(jobId, event))
    .catch((error) => console.error(error));
});
listener.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
await listener.query(`LISTEN ${CHANNEL}`);
