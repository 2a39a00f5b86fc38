// @vitest-environment happy-dom
/** Tests of the adapters: TanStack Query, Vue and Svelte show a job as their users expect. */
import { QueryClient, QueryClientProvider, useMutation, useQuery } from "@tanstack/react-query";
import { act, createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { describe, expect, it } from "vitest";
import { effectScope, watchEffect } from "vue";
import { connectionStore, jobStore } from "../src/svelte.js";
import { jobMutation, jobQuery } from "../src/tanstack.js";
import { useConnection, useJob } from "../src/vue.js";
import { longhaul, server, flush, sockets } from "./reactFixture.js";

const job = (number: number) => server.jobs.get(`job-${number}`)!;
const end = { type: "job_completed", result: { answer: 42 } } as const;

describe("TanStack Query", () => {
  it("shares one job between components and StrictMode's effects, with its progress, and keeps its result", async () => {
    const client = new QueryClient();
    const percents: number[] = [];
    const options = { ...jobQuery(longhaul, "noop", "x", { onChange: ({ progress }) => percents.push(progress) }) };
    const shown: unknown[] = [];
    const Shown = () => {
      const { data, status } = useQuery(options);
      shown.push([status, data]);
      return null;
    };
    const root = createRoot(document.createElement("div"));
    const render = (count: number) =>
      flush(() => root.render(createElement(StrictMode, null, createElement(QueryClientProvider, { client }, ...Array.from({ length: count }, (_, key) => createElement(Shown, { key }))))));
    await render(2);
    expect([server.jobs.size, shown.at(-1)]).toEqual([1, ["pending", undefined]]);
    await flush(() => server.emit(job(1), end));
    await flush();
    expect([shown.at(-1), percents.at(-1)]).toEqual([["success", { answer: 42 }], 100]);
    await render(0);
    await render(1);
    expect(server.jobs.size).toBe(1);
    await act(async () => root.unmount());
    client.clear();
  });

  it("does not repeat a job that failed finally, and repeats one that may succeed", async () => {
    const client = new QueryClient({ defaultOptions: { queries: { retryDelay: 0 } } });
    const results = ["final", "passing"].map((text) => client.fetchQuery({ ...jobQuery(longhaul, "noop", text) }).catch((error) => error.code));
    await flush();
    server.emit(job(1), { type: "job_failed", error: "No.", code: "FINAL", retryable: false, attempts: 1 });
    server.emit(job(2), { type: "job_failed", error: "Later.", code: "PASSING", retryable: true, attempts: 1 });
    await expect.poll(() => server.jobs.size).toBe(3);
    server.emit(job(3), end);
    expect(await Promise.all(results)).toEqual(["FINAL", { answer: 42 }]);
    client.clear();
  });

  it("submits with a mutation", async () => {
    const client = new QueryClient();
    let mutation!: { mutate: (text: string) => void; data: unknown; status: string };
    const Caller = () => ((mutation = useMutation(jobMutation(longhaul, "noop"))), null);
    const root = createRoot(document.createElement("div"));
    await flush(() => root.render(createElement(QueryClientProvider, { client }, createElement(Caller))));
    await flush(() => mutation.mutate("why?"));
    expect([mutation.status, job(1).log[0]]).toMatchObject(["pending", { query: "why?" }]);
    await flush(() => server.emit(job(1), end));
    await flush();
    expect([mutation.status, mutation.data]).toEqual(["success", { answer: 42 }]);
    await act(async () => root.unmount());
    client.clear();
  });
});

it("Vue's refs follow a job and the connection until their scope ends", async () => {
  const submitted = longhaul.query("noop", "x");
  const seen: unknown[] = [];
  const scope = effectScope();
  scope.run(() => {
    const [state, connection] = [useJob(submitted), useConnection(longhaul)];
    watchEffect(() => seen.push([state.value.status, connection.value.state]), { flush: "sync" });
  });
  server.emit(job(1), { type: "chunk", content: "a" });
  sockets.last.drop();
  scope.stop();
  longhaul.close();
  expect(seen).toEqual([["queued", "open"], ["processing", "open"], ["processing", "waiting"]]);
});

it("Svelte's stores give the state at once, after each change, and until they are left", async () => {
  const submitted = longhaul.query("noop", "x");
  const states: unknown[] = [];
  const connections: unknown[] = [];
  const offs = [jobStore(submitted).subscribe(({ status }) => states.push(status)), connectionStore(longhaul).subscribe(({ state }) => connections.push(state))];
  server.emit(job(1), { type: "chunk", content: "a" });
  sockets.last.drop();
  for (const off of offs) off();
  longhaul.close();
  expect([states, connections]).toEqual([["queued", "processing"], ["open", "waiting"]]);
});
