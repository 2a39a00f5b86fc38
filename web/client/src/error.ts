/**
 * The one error that this library rejects with. It refuses to know when: it only carries the code that
 * callers branch on.
 */
import type { Frame } from "./protocol.js";

/**
 * Why something was not done. `code` is one of the server's (PROTOCOL 5, or of the job that failed), or
 *
 * | code | when |
 * | --- | --- |
 * | `CANCELLED` | the job was cancelled |
 * | `GONE` | the job is unknown, past its retention, or somebody else's |
 * | `LEFT` | `job.leave()` |
 * | `CLOSED` | `longhaul.close()` |
 * | `CONNECTION_LOST` | the limit of reconnects was reached |
 * | `QUEUE_FULL` | too much was asked while offline |
 * | `RESULT_UNAVAILABLE` | a large result could not be fetched, or is not what its sum says |
 */
export class LonghaulError extends Error {
  override readonly name = "LonghaulError";

  constructor(
    readonly code: string,
    message: string,
    /** `field` names the field at fault; the rest depends on the code. */
    readonly details: Record<string, unknown> = {},
    /** Seconds until asking again may help. */
    readonly retryAfter?: number,
    /** Whether the server holds that the same work could succeed another time. */
    readonly retryable?: boolean,
  ) {
    super(message);
  }

  /** From an `error` frame. */
  static from(frame: Frame): LonghaulError {
    const data = (frame.data ?? {}) as { code?: string; message?: string; details?: Record<string, unknown> };
    const sentence = String(data.message ?? frame.content);
    return new LonghaulError(data.code ?? "INTERNAL_ERROR", sentence, data.details, frame.retryAfter as number);
  }
}
