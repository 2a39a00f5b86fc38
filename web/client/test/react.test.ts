// @vitest-environment happy-dom
/** The React bindings, rendered by React into a document. */
import { act, createElement, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { connect, type Job, type Longhaul } from "../src/index.js";
import { LonghaulProvider, useJob, useLonghaul } from "../src/react.js";
import { Server } from "./scriptedServer.js";
import { chance, token, Wire } from "./scriptedSocket.js";

let wire: Wire;
let server: Server;
let longhaul: Longhaul;
let root: Root;
let page: HTMLElement;

beforeEach(async () => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  wire = new Wire();
  server = new Server(wire);
  longhaul = connect({ url: "wss://longhaul.test", token: token("alice", 86_400), WebSocket: wire.WebSocket, environment: chance(0.5), store: null });
  page = document.createElement("div");
  root = createRoot(page);
  await Promise.resolve();
});
afterEach(() => {
  act(() => root.unmount());
  longhaul.close();
});

function Shown({ of }: { of: Job<any> | string | undefined }) {
  const { connection } = useLonghaul();
  const { status, progress, result, failure } = useJob<{ answer: number }>(of);
  const words = [connection.state, status, progress, result?.answer, failure && (failure as Error).message];
  return words.filter((word) => word !== undefined).join(" ");
}
const show = (of: Job<any> | string | undefined) =>
  act(async () => root.render(createElement(StrictMode, null, createElement(LonghaulProvider, { value: longhaul }, createElement(Shown, { of })))));

it("show the connection and a job as they change, to its result", async () => {
  await show(undefined);
  expect(page.textContent).toBe("connecting submitting 0");
  await act(async () => void wire.last.open());
  const job = longhaul.query("noop", "x");
  await show(job);
  expect(page.textContent).toBe("open queued 5");
  const served = server.jobs.get("job-1")!;
  await act(async () => server.happens(served, { type: "progress_update", status: "processing", message: "", progress: 40, attempt: 1 }));
  expect(page.textContent).toBe("open processing 40");
  await act(async () => server.happens(served, { type: "job_completed", result: { answer: 42 } }));
  expect(page.textContent).toBe("open completed 100 42");
});

it("follow a job by its id, and say why there is none", async () => {
  wire.last.open();
  longhaul.query("noop", "x");
  await show("job-1");
  expect(page.textContent).toBe("open queued 5");
  await show("unknown");
  expect(page.textContent).toBe("open gone 0 Job not found.");
});
