/** A real stack for the tests of whichever file imports this, behind a wire that can be cut. It knows no test. */
import { afterAll, afterEach, beforeAll } from "vitest";
import { WebSocket } from "ws";
import { connect, type ConnectOptions, type Longhaul } from "../src/index.js";
import { Cuttable, isBuilt, Stack } from "./stack.js";

export const wire = new Cuttable();
export let stack: Stack;

const open: Longhaul[] = [];
let url: string;

/** A token of this user's, as an option of `connect`. */
export const fresh = (user = "alice") => () => stack.token(user);

/** A client that is closed when its test ends. */
export function client(options: Partial<ConnectOptions> = {}): Longhaul {
  open.push(connect({ url, token: fresh(), WebSocket, ...options }));
  return open.at(-1)!;
}

if (isBuilt) {
  beforeAll(async () => {
    stack = await Stack.start();
    url = `ws://127.0.0.1:${await wire.to(stack.port)}`;
  });
  afterEach(() => open.splice(0).forEach((longhaul) => longhaul.close()));
  afterAll(async () => {
    wire.close();
    await stack.stop();
  });
}
