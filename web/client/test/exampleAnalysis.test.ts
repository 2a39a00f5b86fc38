/**
 * Tests of the analysis in TypeScript in `examples/typescript`: it is compiled, and the worker of the examples runs it on a
 * real stack. Skipped without the binaries that the Rust tests build.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { connect, type JobEvent, type Longhaul } from "../src/index.js";
import { isBuilt, Stack } from "./stack.js";

const root = join(import.meta.dirname, "../../..");
const worker = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/examples/python");

describe.skipIf(!isBuilt || !existsSync(worker))("the analysis in TypeScript", () => {
  let stack: Stack;
  let longhaul: Longhaul;

  beforeAll(async () => {
    const packages = join(root, "web/client/node_modules");
    const typeRoots = join(packages, "@types");
    execFileSync(join(packages, ".bin/tsc"), ["-p", join(root, "examples/typescript"), "--typeRoots", typeRoots], { stdio: "inherit" });
    stack = await Stack.start("--worker", worker);
    longhaul = connect({ url: stack.url, token: () => stack.token("alice"), WebSocket });
  });

  afterAll(async () => {
    longhaul.close();
    await stack.stop();
  });

  it("streams its answer, reports progress and returns a result", async () => {
    const job = longhaul.query("reading_time", "One. Two three!");
    const events: JobEvent[] = [];
    for await (const event of job) events.push(event);
    const response = "One. [1]\nTwo three! [2]\n3 words take 1 s to read.";
    expect(await job).toMatchObject({ response, words: 3, seconds: 1 });
    expect(events.flatMap((event) => (event.type === "chunk" ? [event.content] : [])).join("")).toBe(response);
    expect(events.some((event) => event.type === "progress_update" && event.message === "Counting words")).toBe(true);
  });

  it("rejects a question that it can never answer", async () => {
    await expect(longhaul.query("reading_time", "?!")).rejects.toMatchObject({ code: "PROGRAM_REJECTED" });
  });
});
