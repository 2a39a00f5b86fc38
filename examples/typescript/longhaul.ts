/**
 * The line protocol of Longhaul's worker, for an analysis in TypeScript or JavaScript. Nothing but Node 20.
 *
 *     await run(async (job) => {
 *       progress(50, "Half way");
 *       const table = await step("load", job.params, load); // runs once; later attempts reuse its result
 *       return { response: "..." };
 *     });
 *
 * Do not print to standard output, which has the protocol; standard error (`console.error`) goes to the worker's log.
 */
import { createInterface } from "node:readline";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** What the analysis is asked. */
export interface Job {
  /** The job's id. */
  job: string;
  query: string;
  params: { [name: string]: Json };
  /** The attempt of this run, from 1. */
  attempt: number;
  /** In a conversation, the turns before, oldest first. */
  history: { message: string; answer: string }[];
}

/** The work can never succeed. After any other error the job is retried. */
export class Reject extends Error {}

const input = createInterface({ input: process.stdin });
const lines = input[Symbol.asyncIterator]();

/** Reads the job, and ends it with what `analyse` returns or throws. */
export async function run(analyse: (job: Job) => Json | Promise<Json>): Promise<void> {
  const job = (await receive()) as Job;
  try {
    send("result", await analyse(job));
  } catch (error) {
    console.error(error);
    send(error instanceof Reject ? "reject" : "retry", error instanceof Error ? error.message : String(error));
  }
  input.close();
}

/** Reports how far it is. */
export function progress(percent: number, message: string): void {
  send("progress", { percent: Math.round(percent), message });
}

/** Sends the next piece of the answer. */
export function stream(piece: string): void {
  send("chunk", piece);
}

/** Returns what `work(given)` does, or its stored result from an earlier attempt with the same name and input. */
export async function step<Given extends Json, Result extends Json>(
  name: string,
  given: Given,
  work: (given: Given) => Result | Promise<Result>,
): Promise<Result> {
  send("step", { name, input: given });
  const { kept, done = kept !== null } = (await receive()) as { kept: Json; done?: boolean };
  if (done) return kept as Result;
  const result = await work(given);
  send("keep", result);
  return result;
}

async function receive(): Promise<unknown> {
  const { value, done } = await lines.next();
  if (done) throw new Error("the worker closed standard input");
  return JSON.parse(value);
}

function send(name: string, value: Json): void {
  process.stdout.write(`${JSON.stringify({ [name]: value })}\n`);
}
