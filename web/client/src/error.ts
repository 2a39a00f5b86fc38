/** The error class that every rejection of this library uses, and calls of code that may throw. */
import type { Frame } from "./protocol.js";

/**
 * A failed request or job. Branch on `code`: it is an error code of the server, the code of the failed job, or one of
 *
 * | code | when |
 * | --- | --- |
 * | `CANCELLED` | the job was cancelled, or withdrawn before it was sent |
 * | `GONE` | the job does not exist, is past its retention, or belongs to another user |
 * | `LEFT` | `job.leave()` was called |
 * | `CLOSED` | `longhaul.close()` was called |
 * | `USER_CHANGED` | the option `token` gave another user's token: create a client for each user |
 * | `CONNECTION_LOST` | the maximum number of connection attempts was reached |
 * | `QUEUE_FULL` | too many requests are waiting for a connection |
 * | `RESULT_UNAVAILABLE` | a large result could not be downloaded, or its SHA-256 differs |
 *
 * As the reason in the connection's `state.error` also
 *
 * | code | when |
 * | --- | --- |
 * | `OFFLINE` | the browser has no network |
 * | `NO_TOKEN` | the option `token` threw, gave nothing, or took too long |
 * | `AUTHENTICATION_ERROR` | the server refuses the token, for the reason in `message` |
 * | `REFUSED` | the server answers but refuses the connection: mostly the page's origin is not allowed |
 * | `UNREACHABLE` | the server does not answer |
 */
export class LonghaulError extends Error {
  override readonly name = "LonghaulError";

  constructor(
    readonly code: string,
    message: string,
    /** `field` names the invalid field; other entries depend on the code. */
    readonly details: Record<string, unknown> = {},
    /** Seconds to wait before a retry. */
    readonly retryAfter?: number,
    /** Whether a retry of the same job may succeed. */
    readonly retryable?: boolean,
  ) {
    super(message);
  }

  /** Creates the error from an `error` frame. */
  static from(frame: Frame): LonghaulError {
    const data = (frame.data ?? {}) as { code?: string; message?: string; details?: Record<string, unknown> };
    const text = String(data.message ?? frame.content);
    return new LonghaulError(data.code ?? "INTERNAL_ERROR", text, data.details, frame.retryAfter as number);
  }
}

/** Whether the error only says that this client stopped following: the job may keep running. */
export function isDetached(code = ""): boolean {
  return ["LEFT", "CLOSED", "USER_CHANGED", "CONNECTION_LOST"].includes(code);
}

/** Whether the error says that there is no valid token. */
export function isAboutToken({ code }: LonghaulError): boolean {
  return code === "AUTHENTICATION_ERROR" || code === "NO_TOKEN";
}

/** Calls the application's code. What it throws is reported to the page, or on the console, and stops nothing else. */
export function callSafely<A extends unknown[]>(callback: (...args: A) => unknown, ...args: A): void {
  try {
    callback(...args);
  } catch (error) {
    report(error);
  }
}

/** Reports an error of the application's code as if nobody had caught it. Node has no `reportError`. */
export function report(error: unknown): void {
  (globalThis.reportError ?? console.error)(error);
}
