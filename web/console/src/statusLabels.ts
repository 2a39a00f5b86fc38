/** The displayed names of job statuses. */
import type { Status } from "longhaul-client";

export const STATUS_LABELS: Record<Status, string> = {
  submitting: "Submitting",
  queued: "Queued",
  processing: "Processing",
  retrying: "Retrying",
  completed: "Completed",
  failed: "Failed",
  refused: "Refused",
  cancelled: "Cancelled",
  gone: "Not found",
};
