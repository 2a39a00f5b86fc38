/** Tests that tokens are renewed by the server's clock, whatever this machine's says. */
import { expect, it } from "vitest";
import type { Frame } from "../src/protocol.js";
import { advance, connectClient, longhaul, sockets } from "./scriptedFixture.js";
import { unsignedToken } from "./scriptedSocket.js";

const MINUTE = 60_000;
/** The server's clock less the client's. */
let offset = 0;
const serverSeconds = () => Math.floor((Date.now() + offset) / 1000);

/** A server whose clock differs, with an issuer whose tokens are valid for 15 minutes. Returns when the client renewed, in minutes. */
async function renewals(minutes: number, token: () => string): Promise<number[]> {
  const start = Date.now();
  const renewed: number[] = [];
  await connectClient({ token });
  sockets.last.onFrame = ({ action, requestId, token }: Frame) => {
    const timestamp = serverSeconds();
    if (action === "ping") sockets.last.deliver({ type: "pong", requestId, timestamp });
    if (action !== "refreshToken") return;
    renewed.push(Math.round((Date.now() - start) / MINUTE));
    const { exp } = JSON.parse(Buffer.from(String(token).split(".")[1]!, "base64url").toString());
    sockets.last.deliver({ type: "tokenRefreshed", requestId, expiresAt: exp, timestamp });
  };
  await advance(minutes * MINUTE);
  return renewed;
}
const freshToken = () => unsignedToken("alice", 0, { iat: serverSeconds(), exp: serverSeconds() + 900 });

it.each([
  ["equal", 0, [14, 28, 42, 56]],
  // The first renewal is early, because nothing was received from the server yet.
  ["20 minutes behind", -20 * MINUTE, [0, 14, 28, 42, 56]],
  ["20 minutes ahead", 20 * MINUTE, [14, 28, 42, 56]],
])("with a server's clock that is %s", async (_, serverOffset, expected) => {
  offset = serverOffset;
  expect(await renewals(57, freshToken)).toEqual(expected);
});

it("a token that the application does not renew is not asked for each second", async () => {
  offset = 0;
  const old = freshToken();
  expect((await renewals(20, () => old)).length).toBeLessThan(20);
});

it("the server's time is known from its replies", async () => {
  offset = -20 * MINUTE;
  await renewals(10, freshToken);
  expect(Math.abs(longhaul.now() - (Date.now() + offset))).toBeLessThan(2000);
});
