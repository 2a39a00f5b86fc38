/**
 * What admins ask of the server and what it answers (PROTOCOL 8). It decides nothing: who may ask, the server says.
 */
import type { JobView, Longhaul } from "longhaul-client";

export interface ConnectionRow {
  connectionId: string;
  /** Missing until somebody has authenticated on it. */
  userId?: string;
  status: "CONNECTED" | "DISCONNECTED";
  ipAddress?: string;
  userAgent?: string;
  /** ISO 8601. */
  connectedAt: string;
  lastActivity: string;
}

/** What the dead-letter queue holds of one run of one job. */
export interface DeadLetter {
  jobId: string;
  run: number | null;
  /** What a replay would do about it. */
  do: "replay" | "send" | "delete" | "leave";
  /** The job's status now; `null` if it is gone. */
  status: string | null;
  /** ISO 8601. */
  since: string;
  kind: string | null;
  userId: string | null;
  code: string | null;
  error: string | null;
  attempts: number | null;
}

/** Some of what was asked for; `cursor` leads to the next page. */
export interface Page<T> {
  items: readonly T[];
  /** Whether there is more that this can't lead to. */
  more?: boolean;
  cursor?: string;
}

export async function openJobs(longhaul: Longhaul, status?: JobView["status"]): Promise<Page<JobView>> {
  const { jobs, more } = await longhaul.request({ action: "listOpenJobs", data: { status } });
  return { items: jobs as JobView[], more: more as boolean };
}

export async function jobsOf(longhaul: Longhaul, userId: string, status?: JobView["status"], cursor?: string): Promise<Page<JobView>> {
  const page = await longhaul.request({ action: "listJobs", userId, status, limit: 25, cursor });
  return { items: page.jobs as JobView[], cursor: page.cursor as string };
}

export async function connections(longhaul: Longhaul, userId?: string, cursor?: string): Promise<Page<ConnectionRow>> {
  const page = await longhaul.request({ action: "listConnections", data: { userId, cursor } });
  return { items: page.connections as ConnectionRow[], cursor: page.cursor as string };
}

export async function deadLetters(longhaul: Longhaul): Promise<Page<DeadLetter>> {
  const { deadLetters, more } = await longhaul.request({ action: "listDeadLetters" });
  return { items: deadLetters as DeadLetter[], more: more as boolean };
}

/** Does about a job what its dead letters call for; a failed job of which there is none runs again. */
export async function replay(longhaul: Longhaul, jobId: string): Promise<DeadLetter["do"]> {
  const { data } = await longhaul.request({ action: "replayJob", data: { jobId } });
  return (data as { did: DeadLetter["do"] }).did;
}

export async function close(longhaul: Longhaul, connectionId: string): Promise<void> {
  await longhaul.request({ action: "closeConnection", data: { connectionId } });
}

/** The sums of an action that takes a frame for each page of the table. */
export async function throughAll<K extends string>(longhaul: Longhaul, action: string, data: object, counts: readonly K[]): Promise<Record<K, number>> {
  const sums = Object.fromEntries(counts.map((name) => [name, 0])) as Record<K, number>;
  let cursor: unknown;
  do {
    const page = await longhaul.request({ action, data: { ...data, cursor } });
    for (const name of counts) sums[name] += (page.data as Record<K, number>)[name];
    cursor = page.cursor;
  } while (cursor);
  return sums;
}
