// The WebSocket front end of the peers on Node: authentication, frames in and out, and the follower of each job.
// `submit` and `find` access the peer's queue, and the peer passes each event to `pushEvent`.

import { randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import { WebSocketServer } from "ws";

const KINDS = ["noop"];
const MAX_QUERY_BYTES = 24 * 1024;
const ENDS = ["job_completed", "job_failed"];

const now = () => Math.floor(Date.now() / 1000);

class Refused extends Error {
  constructor(code, sentence, details = {}) {
    super(sentence);
    Object.assign(this, { code, details });
  }
}

function checked({ kind, query, params = {} }) {
  if (!KINDS.includes(kind)) throw new Refused("VALIDATION_ERROR", "Unknown kind.", { field: "kind", kinds: KINDS });
  if (typeof query !== "string" || query.trim() === "" || Buffer.byteLength(query) > MAX_QUERY_BYTES)
    throw new Refused("VALIDATION_ERROR", "query must be text of at most 24 KiB.", { field: "query" });
  const { steps = 4, bytes = 2048 } = params;
  for (const [field, value, most] of [["steps", steps, 100], ["bytes", bytes, 100 * 1024]])
    if (!Number.isInteger(value) || value < 0 || value > most)
      throw new Refused("VALIDATION_ERROR", `${field} must be a whole number of at most ${most}.`, { field });
  return { kind, query, params: { steps, bytes } };
}

/**
 * Serves WebSockets on loopback.
 * `submit({jobId, owner, kind, query, params})` resolves once the job and its first event are stored;
 * `find(jobId, owner)` returns the stored job, or undefined.
 * Returns `pushEvent(jobId, event)`, to be called for each event in the order of its `seq`.
 */
export function serve({ port, secret, submit, find }) {
  const followed = new Map();

  const send = (socket, frame) => socket.readyState === socket.OPEN && socket.send(JSON.stringify(frame));

  function pushEvent(jobId, event) {
    const follower = followed.get(jobId);
    if (!follower) return;
    // The worker may be faster than the response to the submit.
    if (follower.early) return void follower.early.push(event);
    if (event.seq <= follower.seq) return;
    follower.seq = event.seq;
    const { socket, requestId } = follower;
    send(socket, { ...event, jobId, requestId, timestamp: now() });
    if (ENDS.includes(event.type)) followed.delete(jobId);
  }

  async function query(socket, owner, frame) {
    const job = { jobId: randomUUID(), owner, ...checked(frame) };
    const follower = { socket, requestId: frame.requestId, seq: 0, early: [] };
    followed.set(job.jobId, follower);
    try {
      await submit(job);
    } catch (error) {
      followed.delete(job.jobId);
      throw error;
    }
    const { early } = follower;
    follower.early = null;
    pushEvent(job.jobId, { type: "job_queued", seq: 1, message: "Queued", query: job.query, progress: 5 });
    for (const event of early) pushEvent(job.jobId, event);
  }

  async function handle(socket, owner, text) {
    let requestId;
    try {
      const frame = JSON.parse(text);
      requestId = frame?.requestId;
      switch (frame?.action) {
        case "query":
          return await query(socket, owner, frame);
        case "getJob": {
          const job = await find(String(frame.jobId), owner);
          return send(socket, job ? { type: "job", job, requestId, timestamp: now() } : { type: "gone", jobId: frame.jobId, requestId, timestamp: now() });
        }
        case "ping":
          return send(socket, { type: "pong", requestId, timestamp: now() });
        default:
          throw new Refused("VALIDATION_ERROR", "Unknown action.", { field: "action" });
      }
    } catch (error) {
      const refused =
        error instanceof Refused ? error
        : error instanceof SyntaxError ? new Refused("VALIDATION_ERROR", "This is not JSON.")
        : new Refused("INTERNAL_ERROR", "Something went wrong.");
      if (refused.code === "INTERNAL_ERROR") console.error(error);
      const { code, message, details } = refused;
      send(socket, { type: "error", content: message, data: { code, message, details }, requestId, timestamp: now() });
    }
  }

  function owner(request) {
    const token = new URL(request.url, "ws://gateway").searchParams.get("token");
    return jwt.verify(token, secret, { algorithms: ["HS256"] }).sub;
  }

  const server = new WebSocketServer({
    host: "127.0.0.1",
    port,
    maxPayload: 128 * 1024,
    verifyClient({ req }, done) {
      try {
        req.owner = owner(req);
        done(true);
      } catch {
        done(false, 401);
      }
    },
  });
  server.on("connection", (socket, request) => {
    socket.on("message", (data, binary) => (binary ? socket.close(1003) : handle(socket, request.owner, data.toString())));
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      for (const [jobId, follower] of followed) if (follower.socket === socket) followed.delete(jobId);
    });
  });
  return pushEvent;
}
