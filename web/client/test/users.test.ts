/** Tests that questions belong to the user who asked them: they survive a reload, and no other user finds or submits them. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Saved, Store } from "../src/index.js";
import { advance, connectClient, longhaul, server, sockets, startClient } from "./scriptedFixture.js";
import { unsignedToken } from "./scriptedSocket.js";

let entries: Map<string, Saved>;
let store: Store;

beforeEach(() => {
  entries = new Map();
  store = { load: () => [...entries.values()], save: (job) => void entries.set(job.idempotencyKey, { ...job }), remove: (key) => void entries.delete(key) };
});
const stored = () => [...entries.values()].map(({ user, text }) => `${user}: ${text}`);

describe("a question asked before the first connection", () => {
  it.each([
    ["a constant token", { token: unsignedToken("alice", 86_400) }],
    ["a token that arrives", { token: async () => unsignedToken("alice", 86_400) }],
    ["a user that is named, though no token arrives", { token: () => new Promise<string>(() => {}), user: "alice" }],
  ])("survives a reload, with %s", async (_, options) => {
    startClient({ store, ...options });
    longhaul.query("noop", "early");
    await advance(0);
    expect(stored()).toEqual(["alice: early"]);
    longhaul.close();
    await connectClient({ store });
    const [job] = await longhaul.resumed;
    expect([job!.id, server.jobs.size]).toEqual(["job-1", 1]);
  });

  it("that is cancelled before it is sent does not", async () => {
    startClient({ store });
    await longhaul.query("noop", "early").cancel();
    expect(stored()).toEqual([]);
  });
});

describe("a user who signs out", () => {
  it("leaves nothing behind after `forget`, except another user's jobs", async () => {
    await connectClient({ store, token: unsignedToken("bob", 86_400) });
    longhaul.query("noop", "of bob");
    longhaul.close();
    await connectClient({ store });
    longhaul.query("noop", "of alice");
    expect(stored()).toEqual(["bob: of bob", "alice: of alice"]);
    await longhaul.forget();
    expect([stored(), longhaul.state.state]).toEqual([["bob: of bob"], "closed"]);
  });

  it("keeps the jobs for the next visit after `close`", async () => {
    await connectClient({ store });
    longhaul.query("noop", "of alice");
    longhaul.close();
    expect(stored()).toEqual(["alice: of alice"]);
  });
});

it("a token of another user closes the client, and submits nothing as that user", async () => {
  let user = "alice";
  await connectClient({ store, token: () => unsignedToken(user, 86_400) });
  sockets.last.drop();
  const job = longhaul.query("noop", "of alice");
  user = "bob";
  await advance(500);
  expect(longhaul.state).toMatchObject({ state: "closed", error: { code: "USER_CHANGED", message: expect.stringContaining("another user") } });
  expect([job.state.error?.code, server.jobs.size, stored()]).toEqual(["USER_CHANGED", 0, ["alice: of alice"]]);
});
