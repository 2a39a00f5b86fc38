/** Why an open job does not go on: its attempt failed and the next one waits, or its worker sends nothing. */
import type { Job } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { formatDuration } from "./formatDuration";
import { useServerNow } from "./serverTime";
import { silentFor } from "./waterfallSpans";

/** Milliseconds as whole seconds. */
const seconds = (ms: number) => formatDuration(Math.max(0, Math.floor(ms / 1000)) * 1000);

export function AttemptNotice({ job }: { job: Job<any> }) {
  const { connection } = useLonghaul();
  const now = useServerNow(1000);
  const { interruption } = job.state;
  if (interruption?.type === "attempt_failed") {
    const wait = Date.parse(interruption.retryAt) - now;
    return (
      <p className="notice">
        Attempt {interruption.attempt} failed: {interruption.error} ({interruption.code}) {wait > 0 ? `The next one starts in ${seconds(wait + 999)}.` : "The next one starts now."}
      </p>
    );
  }
  const silence = silentFor(job.events.at(-1), now);
  // While disconnected, the silence is this page's own.
  if (silence === undefined || connection.state !== "open") return null;
  return (
    <p className="notice">
      No sign of life from its worker for {seconds(silence)}. It may be in a long step; if it died, another one takes over when its lease ends.
    </p>
  );
}
