/** The waterfall of a job: a bar for each span of time, from its submit to its end or to now. */
import type { JobEvent } from "longhaul-client";
import { useMemo } from "react";
import { formatDuration, formatExactTime } from "./formatDuration";
import { useServerNow } from "./serverTime";
import { type Span, waterfallSpans } from "./waterfallSpans";

export function Waterfall({ events }: { events: readonly JobEvent[] }) {
  const spans = useMemo(() => waterfallSpans(events), [events]);
  const isOpen = spans.some(({ to }) => to === undefined);
  const now = useServerNow(isOpen ? 1000 : undefined);
  if (spans.length === 0) return null;
  const start = spans[0]!.from;
  const end = Math.max(...spans.map(({ from, to }) => to ?? Math.max(now, from)), start + 1);
  return (
    <ol className="waterfall" aria-label="Waterfall">
      {spans.map((span) => (
        <Bar key={`${span.kind}-${span.seq}`} span={span} start={start} end={end} now={now} />
      ))}
    </ol>
  );
}

function Bar({ span, start, end, now }: { span: Span; start: number; end: number; now: number }) {
  const { kind, name, from, to, note, isFailed, dueAt } = span;
  const until = to ?? Math.max(now, from);
  const percent = (ms: number) => `${Math.max(0, Math.min(100, (ms / (end - start)) * 100))}%`;
  const exact = (at: number) => formatExactTime(new Date(at).toISOString());
  const length = to === undefined ? Math.floor((until - from) / 1000) * 1000 : until - from;
  const wait = dueAt !== undefined && to === undefined && (dueAt > now ? `starts in ${formatDuration(Math.ceil((dueAt - now) / 1000) * 1000)}` : "starts now");
  return (
    <li className={`${kind}${kind === "step" ? " part" : ""}${isFailed ? " failed" : ""}`} title={to === undefined ? exact(from) : `${exact(from)} to ${exact(to)}`}>
      <span className="name">{name}</span>
      <span className="track">
        <span className="span" style={{ left: percent(from - start), width: percent(until - from) }} />
      </span>
      <span className="length">{formatDuration(Math.max(0, length))}</span>
      {(note || wait) && <span className="note">{note || `The next attempt ${wait}.`}</span>}
    </li>
  );
}
