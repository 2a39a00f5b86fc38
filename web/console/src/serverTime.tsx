/** Times by the server's clock, which a job's times are by: the clock of this machine may be wrong. */
import { useLonghaul } from "longhaul-client/react";
import { useEffect, useState } from "react";
import { formatAge, formatExactTime } from "./formatDuration";

/** The server's time in epoch milliseconds, renewed every `intervalMs`; not renewed if that is `undefined`. */
export function useServerNow(intervalMs: number | undefined): number {
  const { longhaul, connection } = useLonghaul();
  const [now, setNow] = useState(() => longhaul.now());
  useEffect(() => {
    setNow(longhaul.now());
    if (intervalMs === undefined) return;
    const timer = setInterval(() => setNow(longhaul.now()), intervalMs);
    return () => clearInterval(timer);
  }, [longhaul, connection.state, intervalMs]);
  return now;
}

/** How long ago this was. The exact time is shown on hover. */
export function TimeAgo({ at }: { at: string }) {
  const { longhaul } = useLonghaul();
  const isRecent = longhaul.now() - Date.parse(at) < 60_000;
  const now = useServerNow(isRecent ? 1000 : 15_000);
  return (
    <time dateTime={at} title={formatExactTime(at)}>
      {formatAge(now - Date.parse(at))}
    </time>
  );
}
