/** A job's story as a list, with a bar of how long it waited and ran. What the story is, `timelineEntries.ts` says. */
import type { Job, JobView } from "longhaul-client";
import { useEffect, useState } from "react";
import { type Entry, tell } from "./timelineEntries";

export function Timeline({ job, view }: { job: Job<any>; view?: JobView }) {
  const story = useStory(job);
  const [first] = story;
  const pushes = job.state.applied;
  return (
    <details className="timeline" open={job.state.status === "failed" || undefined}>
      <summary>
        Timeline: {pushes} event{pushes === 1 ? "" : "s"}
      </summary>
      {view?.startedAt && <Bar view={view} />}
      <ol>
        {story.map((entry) => (
          <li key={`${entry.kind}-${entry.seq}`} className={entry.kind}>
            <time dateTime={new Date(entry.at * 1000).toISOString()} title={new Date(entry.at * 1000).toLocaleString()}>
              +{entry.at - first!.at} s
            </time>
            {entry.words}
          </li>
        ))}
      </ol>
      {view?.lastError && (
        <p className="facts">
          The attempt before ended with {view.lastError.code}: {view.lastError.message}
        </p>
      )}
      {view?.replays !== undefined && <p className="facts">An operator let it run again, {view.replays} times so far.</p>}
    </details>
  );
}

/** Every event from the first on, told as they come; several that come at once are drawn at once. */
function useStory(job: Job<any>): readonly Entry[] {
  const [story, setStory] = useState<readonly Entry[]>([]);
  useEffect(() => {
    let isShown = true;
    setStory([]);
    const listen = async () => {
      for await (const event of job) {
        if (!isShown) return;
        setStory((story) => tell(story, event));
      }
    };
    // That it could not be followed, the page says.
    listen().catch(() => {});
    return () => {
      isShown = false;
    };
  }, [job]);
  return story;
}

function Bar({ view }: { view: JobView }) {
  const ms = (from: string, to: string) => Math.max(0, Date.parse(to) - Date.parse(from));
  const waited = ms(view.createdAt, view.startedAt!);
  const ran = ms(view.startedAt!, view.finishedAt ?? view.updatedAt);
  return (
    <p className="bar">
      <span className="waited" style={{ flexGrow: waited || 1 }} />
      <span className="ran" style={{ flexGrow: ran || 1 }} />
      <span className="words">
        waited {(waited / 1000).toFixed(1)} s, ran {(ran / 1000).toFixed(1)} s{view.finishedAt ? "" : " so far"}
        {view.attempt > 1 && `, in ${view.attempt} attempts`}
      </span>
    </p>
  );
}
