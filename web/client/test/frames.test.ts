/** The generated types: a `switch` on `type` tells frames apart, and one on `action` requests. */
import { expect, it } from "vitest";
import type { ClientFrame, JobEvent, ServerFrame } from "../src/frames.js";

/** Compiles only if each case has the fields of its own type. */
function text(event: JobEvent): string {
  switch (event.type) {
    case "chunk":
      return event.content;
    case "job_failed":
      return `${event.code}: ${event.error}`;
    case "stream_reset":
      return String(event.keepThrough);
    default:
      return event.at;
  }
}

it("narrows an event by its type", () => {
  const common = { jobId: "j", seq: 2, timestamp: 1, at: "1970-01-01T00:00:01.000Z" };
  expect(text({ ...common, type: "chunk", content: "a" })).toBe("a");
  expect(text({ ...common, type: "job_failed", code: "MY_CODE", error: "No.", retryable: false, attempts: 1 })).toBe("MY_CODE: No.");
});

it("narrows responses and requests", () => {
  const cursor = (frame: ServerFrame): string | undefined => (frame.type === "jobs" ? frame.cursor : undefined);
  expect(cursor({ type: "jobs", jobs: [], cursor: "c", timestamp: 1 })).toBe("c");
  const asked = (frame: ClientFrame): string | undefined => (frame.action === "finops_query" ? frame.query : undefined);
  expect(asked({ action: "finops_query", query: "q" })).toBe("q");
});
