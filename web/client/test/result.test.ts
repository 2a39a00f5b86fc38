/** A large result, fetched from a real HTTP server on this machine as from a bucket. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { connect, type Job, type Longhaul } from "../src/index.js";
import { Server as Stack } from "./scriptedServer.js";
import { chance, token, Wire } from "./scriptedSocket.js";

const result = { agent: "noop", response: "é".repeat(200_000) };
const text = JSON.stringify(result);
const packed = gzipSync(text);
const sum = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");
let bucket: Server;
let at: string;
let wire: Wire;
let longhaul: Longhaul;

beforeAll(async () => {
  bucket = createServer((request, response) => {
    if (request.url === "/lapsed") return response.writeHead(403).end("Request has expired");
    if (request.url === "/named") response.setHeader("content-encoding", "gzip");
    response.end(request.url === "/plain" ? text : packed);
  });
  await new Promise<void>((ready) => bucket.listen(0, "127.0.0.1", ready));
  at = `http://127.0.0.1:${(bucket.address() as AddressInfo).port}`;
});
afterAll(() => bucket.close());
afterEach(() => longhaul.close());
beforeEach(() => {
  wire = new Wire();
});

/** A job whose result lies at `path` under this sum; `getJob` knows another path. */
async function completed(path: string, sha256: string, fresh?: string): Promise<{ job: Job }> {
  const server = new Stack(wire);
  longhaul = connect({ url: "wss://longhaul.test", token: token("alice", 86_400), WebSocket: wire.WebSocket, environment: chance(0.5), store: null });
  await Promise.resolve();
  wire.last.open();
  const job = longhaul.query("noop", "x");
  const ref = { url: at + path, bytes: packed.length, sha256, contentType: "application/json" };
  server.happens(server.jobs.get("job-1")!, { type: "job_completed", resultRef: ref });
  wire.last.hears = ({ requestId }) => wire.last.say({ type: "job", job: { status: "completed", resultRef: fresh && { ...ref, url: at + fresh } }, requestId });
  // Not the job itself, which a promise would wait for.
  return { job };
}

it.each([
  ["packed, its encoding named, the sum of its content", "/named", sum(text)],
  ["packed, its encoding not named, the sum of what is stored", "/packed", sum(packed)],
  ["packed, its encoding not named, the sum of its content", "/packed", sum(text)],
  ["not packed", "/plain", sum(text)],
])("%s", async (_, path, sha256) => {
  const { job } = await completed(path, sha256);
  expect(await job).toEqual(result);
});

it("is fetched when it is wanted, and then stands in the state", async () => {
  const { job } = await completed("/plain", sum(text));
  expect([job.state.status, job.state.result]).toEqual(["completed", undefined]);
  await job.result();
  expect(job.state.result).toEqual(result);
});

it("whose URL has lapsed is fetched from a fresh one", async () => {
  const { job } = await completed("/lapsed", sum(text), "/named");
  expect(await job).toEqual(result);
});

it("that is not what its sum says is not believed", async () => {
  const { job } = await completed("/plain", sum("else"));
  await expect(job.result()).rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
});
