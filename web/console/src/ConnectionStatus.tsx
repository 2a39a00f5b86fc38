/** The state of the connection, and a notice that the displayed data may be outdated while disconnected. */
import { useLonghaul } from "longhaul-client/react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";

const STATE_LABELS = { connecting: "Connecting", open: "Connected", waiting: "Disconnected", closed: "Closed" };

function subscribeToNetwork(onChange: () => void): () => void {
  for (const name of ["online", "offline"]) addEventListener(name, onChange);
  return () => ["online", "offline"].forEach((name) => removeEventListener(name, onChange));
}

/** A socket without a network looks open until something is sent; `navigator.onLine` notices it earlier. */
function useConnectivity() {
  const { connection } = useLonghaul();
  const hasNetwork = useSyncExternalStore(subscribeToNetwork, () => navigator.onLine);
  return { connection, hasNetwork, isConnected: hasNetwork && connection.state === "open" };
}

export function ConnectionStatus({ tokenError }: { tokenError: string }) {
  const { connection, hasNetwork, isConnected } = useConnectivity();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (connection.state !== "waiting") return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [connection]);
  const reason = hasNetwork && !isConnected && (tokenError || connection.error?.message);
  const seconds = Math.max(0, Math.ceil(((connection.retryAt ?? now) - now) / 1000));
  return (
    <span className={`connection ${isConnected ? "open" : connection.state === "open" ? "waiting" : connection.state}`}>
      <span role="status">
        {hasNetwork ? STATE_LABELS[connection.state] : "Offline"}
        {reason && `: ${reason}`}
      </span>
      {connection.state === "waiting" && <span aria-hidden="true"> · retrying in {seconds} s</span>}
    </span>
  );
}

/** Tells since when the page is disconnected. Renders nothing while connected. */
export function StaleNotice({ hint }: { hint: string }) {
  const { isConnected } = useConnectivity();
  const disconnectedAt = useRef<Date>(undefined);
  if (isConnected) disconnectedAt.current = undefined;
  else disconnectedAt.current ??= new Date();
  if (!disconnectedAt.current) return null;
  return (
    <p className="notice" role="status">
      No connection since {disconnectedAt.current.toLocaleTimeString()}. {hint}
    </p>
  );
}
