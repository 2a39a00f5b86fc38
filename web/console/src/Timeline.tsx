/** The timeline of a job: a bar of queue and run time, its waterfall, and a list of all its events; the same after a reload. */
import type { Job, JobView } from "longhaul-client";
import { useJobEvents } from "longhaul-client/react";
import { useMemo } from "react";
import { formatDuration, formatExactTime } from "./formatDuration";
import { timelineEntries } from "./timelineEntries";
import { Waterfall } from "./Waterfall";

export function Timeline({ job, view }: { job: Job<any>; view?: JobView }) {
  const { events } = useJobEvents(job);
  const entries = useMemo(() => timelineEntries(events), [events]);
  const [first] = entries;
  const eventCount = job.state.applied;
  return (
    <details className="timeline" open={job.state.status === "failed" || undefined}>
      <summary>
        Timeline: {eventCount} event{eventCount === 1 ? "" : "s"}
      </summary>
      {view?.startedAt && <DurationBar view={view} />}
      <Waterfall events={events} />
      <ol className="events" aria-label="Events">
        {entries.map((entry) => (
          <li key={`${entry.kind}-${entry.seq}`} className={entry.kind}>
            <time dateTime={new Date(entry.at).toISOString()} title={formatExactTime(new Date(entry.at).toISOString())}>
              +{formatDuration(Math.max(0, entry.at - first!.at))}
            </time>
            {entry.text}
          </li>
        ))}
      </ol>
      {view?.replays !== undefined && <p className="facts">Replayed by an operator: {view.replays} time{view.replays === 1 ? "" : "s"}</p>}
    </details>
  );
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
