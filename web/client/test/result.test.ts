/** Tests of large results, downloaded from a local HTTP server in place of a bucket. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { connect, type Job, type Longhaul } from "../src/index.js";
import { ScriptedServer } from "./scriptedServer.js";
import { fixedRandom, ScriptedSockets, unsignedToken } from "./scriptedSocket.js";

const result = { agent: "noop", response: "é".repeat(200_000) };
const text = JSON.stringify(result);
const compressed = gzipSync(text);
const sha256Of = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");
let bucket: Server;
let bucketUrl: string;
let sockets: ScriptedSockets;
let longhaul: Longhaul;

beforeAll(async () => {
  bucket = createServer((request, response) => {
    if (request.url === "/expired") return response.writeHead(403).end("Request has expired");
    if (request.url === "/encoded") response.setHeader("content-encoding", "gzip");
    response.end(request.url === "/plain" ? text : compressed);
  });
  await new Promise<void>((ready) => bucket.listen(0, "127.0.0.1", ready));
  bucketUrl = `http://127.0.0.1:${(bucket.address() as AddressInfo).port}`;
});
afterAll(() => bucket.close());
afterEach(() => longhaul.close());
beforeEach(() => {
  sockets = new ScriptedSockets();
});

/** A completed job whose result is at `path` with this SHA-256. `getJob` then returns the URL of `fresh`. */
async function completedJob(path: string, sha256: string, fresh?: string): Promise<{ job: Job }> {
  const server = new ScriptedServer(sockets);
  longhaul = connect({ url: "wss://longhaul.test", token: unsignedToken("alice", 86_400), WebSocket: sockets.WebSocket, lazy: false, environment: fixedRandom(0.5), store: null });
  await Promise.resolve();
  sockets.last.open();
  const job = longhaul.query("noop", "x");
  const ref = { url: bucketUrl + path, bytes: compressed.length, sha256, contentType: "application/json" };
  server.emit(server.jobs.get("job-1")!, { type: "job_completed", resultRef: ref });
  sockets.last.onFrame = ({ requestId }) => sockets.last.deliver({ type: "job", job: { status: "completed", resultRef: fresh && { ...ref, url: bucketUrl + fresh } }, requestId });
  // Wrapped, because returning the job itself from an async function would wait for its result.
  return { job };
}

it.each([
  ["a compressed result with Content-Encoding, hash of the content", "/encoded", sha256Of(text)],
  ["a compressed result without Content-Encoding, hash of the stored bytes", "/compressed", sha256Of(compressed)],
  ["a compressed result without Content-Encoding, hash of the content", "/compressed", sha256Of(text)],
  ["an uncompressed result", "/plain", sha256Of(text)],
])("%s", async (_, path, sha256) => {
  const { job } = await completedJob(path, sha256);
  expect(await job).toEqual(result);
});

it("a result is downloaded on demand and then stored in the state", async () => {
  const { job } = await completedJob("/plain", sha256Of(text));
  expect([job.state.status, job.state.result]).toEqual(["completed", undefined]);
  await job.result();
  expect(job.state.result).toEqual(result);
});

it("a result whose URL has expired is downloaded from a fresh URL", async () => {
  const { job } = await completedJob("/expired", sha256Of(text), "/encoded");
  expect(await job).toEqual(result);
});

it("a result whose hash differs is rejected", async () => {
  const { job } = await completedJob("/plain", sha256Of("other"));
  await expect(job.result()).rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
});
