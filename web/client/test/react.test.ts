// @vitest-environment happy-dom
/** Tests of the React bindings, rendered into a document. */
import { act, createElement, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { connect, type Job, type Longhaul } from "../src/index.js";
import { LonghaulProvider, useJob, useLonghaul } from "../src/react.js";
import { ScriptedServer } from "./scriptedServer.js";
import { fixedRandom, ScriptedSockets, unsignedToken } from "./scriptedSocket.js";

let sockets: ScriptedSockets;
let server: ScriptedServer;
let longhaul: Longhaul;
let root: Root;
let page: HTMLElement;

beforeEach(async () => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  sockets = new ScriptedSockets();
  server = new ScriptedServer(sockets);
  longhaul = connect({ url: "wss://longhaul.test", token: unsignedToken("alice", 86_400), WebSocket: sockets.WebSocket, lazy: false, environment: fixedRandom(0.5), store: null });
  page = document.createElement("div");
  root = createRoot(page);
  await Promise.resolve();
});
afterEach(() => {
  act(() => root.unmount());
  longhaul.close();
});

function JobText({ job }: { job: Job<any> | string | undefined }) {
  const { connection } = useLonghaul();
  const { status, progress, result, failure } = useJob<{ answer: number }>(job);
  const parts = [connection.state, status, progress, result?.answer, failure && (failure as Error).message];
  return parts.filter((part) => part !== undefined).join(" ");
}
const render = (job: Job<any> | string | undefined) =>
  act(async () => root.render(createElement(StrictMode, null, createElement(LonghaulProvider, { value: longhaul }, createElement(JobText, { job })))));

it("the hooks show the connection and a job as they change, up to its result", async () => {
  await render(undefined);
  expect(page.textContent).toBe("connecting submitting 0");
  await act(async () => void sockets.last.open());
  const job = longhaul.query("noop", "x");
  await render(job);
  expect(page.textContent).toBe("open queued 5");
  const served = server.jobs.get("job-1")!;
  await act(async () => server.emit(served, { type: "progress_update", status: "processing", message: "", progress: 40, attempt: 1 }));
  expect(page.textContent).toBe("open processing 40");
  await act(async () => server.emit(served, { type: "job_completed", result: { answer: 42 } }));
  expect(page.textContent).toBe("open completed 100 42");
});

it("useJob follows a job by its id and reports why it has no result", async () => {
  sockets.last.open();
  longhaul.query("noop", "x");
  await render("job-1");
  expect(page.textContent).toBe("open queued 5");
  await render("unknown");
  expect(page.textContent).toBe("open gone 0 Job not found.");
});
