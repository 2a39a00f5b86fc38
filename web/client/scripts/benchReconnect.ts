/**
 * Measures, on a real stack, how long a client that lost its socket takes to be where an undisturbed one was:
 * a hundred drops in the middle of one job that never stops talking. A drop ends the TCP connection without
 * a word; the wait before the dial is the library's full jitter of up to a second, and is told apart. Caught up
 * is who has heard something new, so up to a quarter of a second of each is the job's own silence.
 */
import { WebSocket } from "ws";
import { connect, type Job } from "../src/index.js";
import { Cuttable, Stack } from "../test/stack.js";

const DROPS = 100;
/** Streams every 100 ms for 1000 steps: 100 s at least, more than the drops take. */
const params = { steps: 1000, stepMs: 100, text: 40 };

const stack = await Stack.start();
const wire = new Cuttable();
const token = stack.token("alice");
const dropped = connect({ url: `ws://127.0.0.1:${await wire.to(stack.port)}`, token, WebSocket });
const undisturbed = connect({ url: stack.url, token, WebSocket });

/** Resolves when `holds`, looked at after each of the job's changes. */
function until(job: Job<any>, holds: () => boolean): Promise<void> {
  return new Promise((done, failed) => {
    const off = job.onChange(() => look());
    const look = () => {
      if (job.failure) failed(job.failure);
      if (!holds()) return;
      off();
      done();
    };
    look();
  });
}

const job = dropped.query("noop", "reconnect", { params });
await until(job, () => job.id !== undefined);
const truth = undisturbed.follow(job.id!);
let dialled = 0;
dropped.on("state", ({ state }) => {
  if (state === "connecting") dialled = performance.now();
});

const whole: number[] = [];
const dial: number[] = [];
let missed = 0;
while (whole.length < DROPS) {
  const before = truth.state.applied;
  await until(truth, () => truth.state.applied > before && job.state.applied >= before);
  const [at, had] = [performance.now(), job.state.applied];
  wire.cut();
  // Caught up is where the other is at this moment, which moves on meanwhile.
  await until(job, () => dropped.state.state === "open" && job.state.applied > had && job.state.applied >= truth.state.applied);
  whole.push(performance.now() - at);
  dial.push(performance.now() - dialled);
  missed += job.state.applied - had;
}
// What each of the two has been told up to the same event is the same text.
const upTo = Math.min(job.state.applied, truth.state.applied);
const text = (of: Job<any>) => of.state.chunks.filter((chunk) => chunk.seq <= upTo).map((chunk) => chunk.content).join("");
if (text(job) !== text(truth)) throw new Error("The client that was dropped holds another text than the undisturbed one.");

const row = (name: string, sorted: number[]) => {
  const at = (share: number) => `${Math.round(sorted[Math.ceil(share * sorted.length) - 1]!)} ms`;
  console.log(`${name.padEnd(42)} median ${at(0.5)}, p95 ${at(0.95)}, worst ${at(1)}`);
};
const ascending = (a: number, b: number) => a - b;
console.log(`${DROPS} drops in the middle of one job; ${missed} events were made meanwhile, none is missing.`);
row("dropped to caught up", whole.sort(ascending));
row("of that, from the dial on (without jitter)", dial.sort(ascending));
await job.cancel();
dropped.close();
undisturbed.close();
wire.close();
await stack.stop();
