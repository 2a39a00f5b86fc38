/** A fixture for tests of hooks: renders a component that calls one, in StrictMode, and gives what the hook returned last. */
import { act, createElement, type FunctionComponent, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach } from "vitest";
import { connect, type Longhaul } from "../src/index.js";
import { LonghaulProvider } from "../src/react.js";
import { ScriptedServer } from "./scriptedServer.js";
import { fixedRandom, ScriptedSockets, unsignedToken } from "./scriptedSocket.js";

export let sockets: ScriptedSockets;
export let server: ScriptedServer;
export let longhaul: Longhaul;
const roots: Root[] = [];

beforeEach(async () => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  sockets = new ScriptedSockets();
  server = new ScriptedServer(sockets);
  longhaul = connect({ url: "wss://longhaul.test", token: unsignedToken("alice", 86_400), WebSocket: sockets.WebSocket, environment: fixedRandom(0.5), store: null });
  await flush();
  sockets.last.open();
});
afterEach(async () => {
  for (const root of roots.splice(0)) await act(async () => root.unmount());
  longhaul.close();
});

/** Lets promises and timers that are due run, and React render. */
export async function flush(change: () => unknown = () => {}): Promise<void> {
  await act(async () => void change());
  // Timers run in the order of their start, so those of effects without a delay have run then.
  await act(() => new Promise<void>((done) => setTimeout(done)));
}

export interface Rendered<T> {
  /** What the hook returned last. */
  current: T;
  renders: number;
  rerender(useHook?: () => T): Promise<void>;
  unmount(): Promise<void>;
}

/** Renders a component that calls `useHook`, inside a provider. */
export async function renderHook<T>(useHook: () => T): Promise<Rendered<T>> {
  const root = createRoot(document.createElement("div"));
  roots.push(root);
  const rendered = { renders: 0, unmount: () => flush(() => root.render(null)) } as Rendered<T>;
  const Caller: FunctionComponent<{ useHook: () => T }> = ({ useHook }) => {
    rendered.current = useHook();
    rendered.renders++;
    return null;
  };
  rendered.rerender = (next = useHook) =>
    flush(() => root.render(createElement(StrictMode, null, createElement(LonghaulProvider, { value: longhaul }, createElement(Caller, { useHook: next })))));
  await rendered.rerender();
  return rendered;
}
