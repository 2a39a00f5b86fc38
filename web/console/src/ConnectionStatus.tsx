/** How the connection is, told always and honestly, and what that means for what is shown. It knows no job. */
import { useLonghaul } from "longhaul-client/react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";

const WORDS = { connecting: "Connecting", open: "Connected", waiting: "Not connected", closed: "Closed" };

function subscribe(changed: () => void): () => void {
  for (const name of ["online", "offline"]) addEventListener(name, changed);
  return () => ["online", "offline"].forEach((name) => removeEventListener(name, changed));
}

/** A socket whose network went away looks open until someone speaks; the browser knows earlier. */
function useConnected() {
  const { connection } = useLonghaul();
  const hasNetwork = useSyncExternalStore(subscribe, () => navigator.onLine);
  return { connection, hasNetwork, isConnected: hasNetwork && connection.state === "open" };
}

export function ConnectionState({ trouble }: { trouble: string }) {
  const { connection, hasNetwork, isConnected } = useConnected();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (connection.state !== "waiting") return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [connection]);
  const seconds = Math.max(0, Math.ceil(((connection.retryAt ?? now) - now) / 1000));
  return (
    <span className={`connection ${isConnected ? "open" : connection.state === "open" ? "waiting" : connection.state}`}>
      <span role="status">
        {hasNetwork ? WORDS[connection.state] : "Offline"}
        {hasNetwork && !isConnected && trouble && `: ${trouble}`}
      </span>
      {connection.state === "waiting" && <span aria-hidden="true"> · next try in {seconds} s</span>}
    </span>
  );
}

/** Says of what is shown that it may be old, and as of when; nothing while there is a connection. */
export function Stale({ meanwhile }: { meanwhile: string }) {
  const { isConnected } = useConnected();
  const since = useRef<Date>(undefined);
  if (isConnected) since.current = undefined;
  else since.current ??= new Date();
  if (!since.current) return null;
  return (
    <p className="notice" role="status">
      No connection since {since.current.toLocaleTimeString()}. {meanwhile}
    </p>
  );
}
