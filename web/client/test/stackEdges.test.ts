/** Tests of refusals, reasons and dead lines against a real stack. Skipped if no binary is built. */
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { connect, type Longhaul, type LonghaulError } from "../src/index.js";
import { client, proxy, stack, tokenFor } from "./stackFixture.js";
import { isBuilt } from "./stack.js";

/** What `params` nested this deep look like: the server parses 32 levels. */
function nested(depth: number): Record<string, unknown> {
  return depth ? { deeper: nested(depth - 1) } : {};
}

/** Resolves to the first error of the client's state with this code. */
function reasonOf(longhaul: Longhaul, code: string): Promise<LonghaulError> {
  return new Promise((found) => longhaul.on("state", ({ error }) => error?.code === code && found(error)));
}

describe.skipIf(!isBuilt)("on a real stack", () => {
  it.each([
    ["an unknown kind", "nope", "x", {}, "kind"],
    ["a blank text", "noop", "  ", {}, "query"],
    ["a text that is too long", "noop", "x".repeat(25_000), {}, "query"],
    ["half an emoji", "noop", "half an emoji: \ud83e", {}, undefined],
    ["parameters that are nested too deeply", "noop", "x", nested(40), undefined],
  ])("%s is refused once, with the server's sentence, and other jobs are not", async (_, kind, text, params, field) => {
    let sent = 0;
    class Counting extends WebSocket {
      override send(text: string): void {
        sent += text.includes('"action":"query"') ? 1 : 0;
        super.send(text);
      }
    }
    const longhaul = client({ WebSocket: Counting });
    const good = longhaul.query("noop", "good");
    const bad = longhaul.query(kind, text, { params });
    const error = await bad.catch((error) => error as LonghaulError) as LonghaulError;
    await good;
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", message: expect.stringMatching(/\w/) });
    if (field) expect(error.details.field).toBe(field);
    expect([bad.state.status, bad.state.error?.message, sent]).toEqual(["refused", error.message, 2]);
  });

  it("a request on a line that has vanished is answered on the next one", async () => {
    const longhaul = client({ timing: { acknowledge: 1000 } });
    const job = longhaul.query("noop", "long", { params: { steps: 200, stepMs: 100 } });
    for await (const event of job) if (event.type === "progress_update") break;
    proxy.freezeConnections();
    await job.cancel();
    await expect(job.result()).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("a token that the server refuses, a page that may not connect, and no server have different reasons", async () => {
    const [, header, claims] = /^([^.]+)\.([^.]+)/.exec(stack.token("alice"))!;
    const forged = client({ token: `${header}.${claims}.AAAA` });
    expect((await reasonOf(forged, "AUTHENTICATION_ERROR")).message).toMatch(/\w/);
    class FromElsewhere extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, { origin: "http://elsewhere.example" });
      }
    }
    const foreign = client({ WebSocket: FromElsewhere });
    expect((await reasonOf(foreign, "REFUSED")).message).toContain("refuses");
    const nowhere = connect({ url: "ws://127.0.0.1:9", token: "a.b.c", WebSocket, lazy: false });
    expect((await reasonOf(nowhere, "UNREACHABLE")).message).toContain("127.0.0.1:9");
    nowhere.close();
  });

  it("a token of 15 minutes is renewed at most once early, though this machine's clock is 20 minutes ahead", async () => {
    const ahead = 20 * 60_000;
    let fetched = 0;
    const longhaul = client({ token: () => (fetched++, tokenFor()() && stack.token("alice", 900)), environment: { now: () => Date.now() + ahead } });
    const jobs = longhaul.jobs({ pageSize: 1 });
    await jobs.next();
    // Renewals would come each second.
    await longhaul.query("noop", "a while", { params: { steps: 10, stepMs: 500 } });
    expect(fetched).toBeLessThanOrEqual(2);
    expect(Math.abs(longhaul.now() - Date.now())).toBeLessThan(5000);
  });
});
