/** Formats durations and times for display. Pure but for the browser's language and time zone. */

/** For example `85 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min` or `3 d 4 h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (ms !== 0 && ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (seconds < 60) return `${ms % 1000 === 0 ? seconds : (Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const units = [[seconds / 86400, "d"], [(seconds / 3600) % 24, "h"], [(seconds / 60) % 60, "min"], [seconds % 60, "s"]] as const;
  const first = units.findIndex(([count]) => count >= 1);
  return units
    .slice(first, first + 2)
    .flatMap(([count, unit]) => (count >= 1 ? `${Math.floor(count)} ${unit}` : []))
    .join(" ");
}

/** How long ago something was, in one unit: `now`, `12 s ago`, `5 min ago`, `3 h ago`, `4 d ago`. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

/** The exact time, in milliseconds: in the browser's time zone, and in UTC. */
export function formatExactTime(iso: string): string {
  const date = new Date(iso);
  return `${date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" })} (${date.toISOString().replace("T", " ").replace("Z", " UTC")})`;
}
