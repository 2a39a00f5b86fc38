/** Tests that a server which renders pages opens nothing: no socket, no timer, no listener. Runs without a document. */
import { createElement, StrictMode, useState } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { chat } from "../src/chat.js";
import { connect, type Longhaul } from "../src/index.js";
import { LonghaulProvider, useJob, useJobEvents, useJobs, useLonghaul, useQueryJob } from "../src/react.js";
import { useChat } from "../src/reactChat.js";
import { useInbox, useTopic } from "../src/reactTopics.js";
import { ScriptedSockets, unsignedToken } from "./scriptedSocket.js";

const sockets = new ScriptedSockets();
const listened = vi.fn();

beforeEach(() => {
  expect(typeof document).toBe("undefined");
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", sockets.WebSocket);
  vi.stubGlobal("addEventListener", listened);
});
afterEach(async () => {
  await vi.advanceTimersByTimeAsync(0);
  expect([sockets.all.length, vi.getTimerCount(), listened.mock.calls.length]).toEqual([0, 0, 0]);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const options = () => ({ url: "wss://longhaul.test", token: vi.fn(() => unsignedToken("alice", 60)) });

function Page() {
  const { connection } = useLonghaul();
  const { status } = useJob("job-1");
  const { events } = useJobEvents("job-1");
  const { jobs } = useJobs({ kind: "noop" });
  const query = useQueryJob("noop");
  const talk = useChat();
  const { items } = useTopic("deals");
  const { entries } = useInbox();
  return createElement("p", null, [connection.state, status, events.length, jobs.length, query.status, talk.status, items.length, entries.length].join(" "));
}
const RENDERED = "<p>connecting submitting 0 0 idle ready 0 0</p>";

it("a request that makes a client while it renders leaves nothing behind", () => {
  const { token, url } = options();
  function App() {
    const [longhaul] = useState(() => connect({ url, token }));
    return createElement(LonghaulProvider, { value: longhaul }, createElement(Page));
  }
  for (let n = 0; n < 3; n++) expect(renderToString(createElement(StrictMode, null, createElement(App)))).toBe(RENDERED);
  expect(token).not.toHaveBeenCalled();
});

it("a provider that makes the client leaves nothing behind", () => {
  const { token, url } = options();
  expect(renderToString(createElement(LonghaulProvider, { url, token }, createElement(Page)))).toBe(RENDERED);
  expect(token).not.toHaveBeenCalled();
});

it("a client in a module is inert, also where there is no WebSocket, until it is used", () => {
  vi.stubGlobal("WebSocket", undefined);
  const longhaul: Longhaul = connect(options());
  chat(longhaul);
  longhaul.on("state", () => {});
  expect(longhaul.state).toEqual({ state: "connecting", attempt: 0 });
  expect(() => longhaul.query("noop", "x")).toThrow(/package 'ws'/);
  longhaul.close();
});

it("the entry points for React are marked for server components", async () => {
  const { readFile } = await import("node:fs/promises");
  const files = ["react", "reactChat", "reactTopics", "reactClient", "reactJob", "reactJobs", "reactQueryJob"];
  for (const file of files) expect(await readFile(`src/${file}.ts`, "utf8"), file).toMatch(/^\/\*\*[^/]+\*\/\n"use client";\n/);
});
