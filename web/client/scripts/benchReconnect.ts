/**
 * Measures on a real stack how long a client takes to catch up with an undisturbed one after its TCP connection is
 * dropped: 100 drops in the middle of one streaming job. The delay before the reconnect is full jitter of up to 1 s
 * and is reported separately. A client has caught up when it has received a new event, so each measurement includes
 * up to 250 ms in which the job emits nothing.
 */
import { WebSocket } from "ws";
import { connect, type Job } from "../src/index.js";
import { CuttableProxy, Stack } from "../test/stack.js";

const DROPS = 100;
/** A chunk every 100 ms for 1000 steps: at least 100 s, which is longer than the drops take. */
const params = { steps: 1000, stepMs: 100, text: 40 };

const stack = await Stack.start();
const proxy = new CuttableProxy();
const token = stack.token("alice");
const dropped = connect({ url: `ws://127.0.0.1:${await proxy.start(stack.port)}`, token, WebSocket });
const undisturbed = connect({ url: stack.url, token, WebSocket });

/** Resolves when `condition` holds; it is checked after each change of the job. */
function until(job: Job<any>, condition: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const off = job.onChange(() => check());
    const check = () => {
      if (job.failure) reject(job.failure);
      if (!condition()) return;
      off();
      resolve();
    };
    check();
  });
}

const job = dropped.query("noop", "reconnect", { params });
await until(job, () => job.id !== undefined);
const reference = undisturbed.follow(job.id!);
let dialledAt = 0;
dropped.on("state", ({ state }) => {
  if (state === "connecting") dialledAt = performance.now();
});

const totalMs: number[] = [];
const dialMs: number[] = [];
let missed = 0;
while (totalMs.length < DROPS) {
  const before = reference.state.applied;
  await until(reference, () => reference.state.applied > before && job.state.applied >= before);
  const [droppedAt, appliedBefore] = [performance.now(), job.state.applied];
  proxy.dropConnections();
  // The reference advances meanwhile: caught up means equal to it at the moment of the check.
  await until(job, () => dropped.state.state === "open" && job.state.applied > appliedBefore && job.state.applied >= reference.state.applied);
  totalMs.push(performance.now() - droppedAt);
  dialMs.push(performance.now() - dialledAt);
  missed += job.state.applied - appliedBefore;
}
// Up to the same event, both clients must hold the same text.
const upTo = Math.min(job.state.applied, reference.state.applied);
const text = (client: Job<any>) => client.state.chunks.filter((chunk) => chunk.seq <= upTo).map((chunk) => chunk.content).join("");
if (text(job) !== text(reference)) throw new Error("The dropped client's text differs from the undisturbed client's.");

const row = (name: string, sorted: number[]) => {
  const at = (share: number) => `${Math.round(sorted[Math.ceil(share * sorted.length) - 1]!)} ms`;
  console.log(`${name.padEnd(42)} median ${at(0.5)}, p95 ${at(0.95)}, worst ${at(1)}`);
};
const ascending = (a: number, b: number) => a - b;
console.log(`${DROPS} drops in the middle of one job; ${missed} events were emitted meanwhile, none is missing.`);
row("from drop to caught up", totalMs.sort(ascending));
row("from reconnect attempt to caught up", dialMs.sort(ascending));
await job.cancel();
dropped.close();
undisturbed.close();
proxy.close();
await stack.stop();
