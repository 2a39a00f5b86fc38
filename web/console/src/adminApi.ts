/** Requests that only admins may send. The server checks the permission. */
import type { JobView, Longhaul } from "longhaul-client";

/** A connection as `listConnections` returns it. */
export interface ConnectionInfo {
  connectionId: string;
  /** Missing until the connection is authenticated. */
  userId?: string;
  status: "CONNECTED" | "DISCONNECTED";
  ipAddress?: string;
  userAgent?: string;
  /** ISO 8601. */
  connectedAt: string;
  lastActivity: string;
}

/** The dead letters of one run of one job. */
export interface DeadLetter {
  jobId: string;
  run: number | null;
  /** What `replayJob` would do. */
  do: "replay" | "send" | "delete" | "leave";
  /** The job's current status; `null` if the job no longer exists. */
  status: string | null;
  /** ISO 8601. */
  since: string;
  kind: string | null;
  userId: string | null;
  code: string | null;
  error: string | null;
  attempts: number | null;
}

/** A page of a list. */
export interface Page<T> {
  items: readonly T[];
  /** Whether the server left out items that no further page contains. */
  isTruncated?: boolean;
  /** Cursor of the next page, if there is one. */
  cursor?: string;
}

export async function listOpenJobs(longhaul: Longhaul, status?: JobView["status"]): Promise<Page<JobView>> {
  const { jobs, more } = await longhaul.request({ action: "listOpenJobs", data: { status } });
  return { items: jobs as JobView[], isTruncated: more as boolean };
}

export async function listUserJobs(longhaul: Longhaul, userId: string, status?: JobView["status"], cursor?: string): Promise<Page<JobView>> {
  const page = await longhaul.request({ action: "listJobs", userId, status, limit: 25, cursor });
  return { items: page.jobs as JobView[], cursor: page.cursor as string };
}

export async function listConnections(longhaul: Longhaul, userId?: string, cursor?: string): Promise<Page<ConnectionInfo>> {
  const page = await longhaul.request({ action: "listConnections", data: { userId, cursor } });
  return { items: page.connections as ConnectionInfo[], cursor: page.cursor as string };
}

export async function listDeadLetters(longhaul: Longhaul): Promise<Page<DeadLetter>> {
  const { deadLetters, more } = await longhaul.request({ action: "listDeadLetters" });
  return { items: deadLetters as DeadLetter[], isTruncated: more as boolean };
}

/** Resolves the job's dead letters, and returns how. A failed job without dead letters runs again. */
export async function replayJob(longhaul: Longhaul, jobId: string): Promise<DeadLetter["do"]> {
  const { data } = await longhaul.request({ action: "replayJob", data: { jobId } });
  return (data as { did: DeadLetter["do"] }).did;
}

export async function closeConnection(longhaul: Longhaul, connectionId: string): Promise<void> {
  await longhaul.request({ action: "closeConnection", data: { connectionId } });
}

/** Runs an action that handles one page of the table per request, and adds up the counts of all pages. */
export async function sumOverPages<K extends string>(longhaul: Longhaul, action: string, data: object, counts: readonly K[]): Promise<Record<K, number>> {
  const sums = Object.fromEntries(counts.map((name) => [name, 0])) as Record<K, number>;
  let cursor: unknown;
  do {
    const page = await longhaul.request({ action, data: { ...data, cursor } });
    for (const name of counts) sums[name] += (page.data as Record<K, number>)[name];
    cursor = page.cursor;
  } while (cursor);
  return sums;
}
