/** The timeline of a job: a bar of queue and run time, and a list of its events. */
import type { Job, JobView } from "longhaul-client";
import { useEffect, useState } from "react";
import { formatDuration, formatExactTime } from "./formatDuration";
import { appendEvent, type TimelineEntry } from "./timelineEntries";

export function Timeline({ job, view }: { job: Job<any>; view?: JobView }) {
  const entries = useTimelineEntries(job);
  const [first] = entries;
  const eventCount = job.state.applied;
  return (
    <details className="timeline" open={job.state.status === "failed" || undefined}>
      <summary>
        Timeline: {eventCount} event{eventCount === 1 ? "" : "s"}
      </summary>
      {view?.startedAt && <DurationBar view={view} />}
      <ol>
        {entries.map((entry) => (
          <li key={`${entry.kind}-${entry.seq}`} className={entry.kind}>
            <time dateTime={new Date(entry.at).toISOString()} title={formatExactTime(new Date(entry.at).toISOString())}>
              +{formatDuration(Math.max(0, entry.at - first!.at))}
            </time>
            {entry.text}
          </li>
        ))}
      </ol>
      {view?.lastError && (
        <p className="facts">
          The previous attempt failed: {view.lastError.message} ({view.lastError.code})
        </p>
      )}
      {view?.replays !== undefined && <p className="facts">Replayed by an operator: {view.replays} time{view.replays === 1 ? "" : "s"}</p>}
    </details>
  );
}

/** The entries of all events so far. */
function useTimelineEntries(job: Job<any>): readonly TimelineEntry[] {
  const [entries, setEntries] = useState<readonly TimelineEntry[]>([]);
  useEffect(() => {
    let isMounted = true;
    setEntries([]);
    const collect = async () => {
      for await (const event of job) {
        if (!isMounted) return;
        setEntries((entries) => appendEvent(entries, event));
      }
    };
    // The page reports the error.
    collect().catch(() => {});
    return () => {
      isMounted = false;
    };
  }, [job]);
  return entries;
}

function DurationBar({ view }: { view: JobView }) {
  const ms = (from: string, to: string) => Math.max(0, Date.parse(to) - Date.parse(from));
  const queuedMs = ms(view.createdAt, view.startedAt!);
  const runMs = ms(view.startedAt!, view.finishedAt ?? view.updatedAt);
  return (
    <p className="bar">
      <span className="queued" style={{ flexGrow: queuedMs || 1 }} />
      <span className="running" style={{ flexGrow: runMs || 1 }} />
      <span className="legend">
        Queued for {formatDuration(queuedMs)}, ran for {formatDuration(runMs)}{view.finishedAt ? "" : " so far"}
        {view.attempt > 1 && `, in ${view.attempt} attempts`}
      </span>
    </p>
  );
}
