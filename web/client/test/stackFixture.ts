/** A fixture for tests against a real stack, behind a proxy that can drop connections. */
import { afterAll, afterEach, beforeAll } from "vitest";
import { WebSocket } from "ws";
import { connect, type ConnectOptions, type Longhaul } from "../src/index.js";
import { CuttableProxy, isBuilt, Stack } from "./stack.js";

export const proxy = new CuttableProxy();
export let stack: Stack;

const open: Longhaul[] = [];
let url: string;

/** The option `token` of `connect` for this user. */
export const tokenFor = (user = "alice") => () => stack.token(user);

/** A client that is closed at the end of its test. */
export function client(options: Partial<ConnectOptions> = {}): Longhaul {
  open.push(connect({ url, token: tokenFor(), WebSocket, lazy: false, ...options }));
  return open.at(-1)!;
}

if (isBuilt) {
  beforeAll(async () => {
    stack = await Stack.start();
    url = `ws://127.0.0.1:${await proxy.start(stack.port)}`;
  });
  afterEach(() => open.splice(0).forEach((longhaul) => longhaul.close()));
  afterAll(async () => {
    proxy.close();
    await stack.stop();
  });
}
