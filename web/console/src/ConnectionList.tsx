/** The admins' list of connections: close one, close idle ones, and send a message to users. */
import type { Longhaul } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { type FormEvent, useCallback, useState } from "react";
import { closeConnection, type ConnectionInfo, listConnections, sumOverPages } from "./adminApi";
import { usePagedQuery } from "./usePagedQuery";

export function ConnectionList() {
  const { longhaul } = useLonghaul();
  const [user, setUser] = useState("");
  const [outcome, setOutcome] = useState("");
  const fetchPage = useCallback((longhaul: Longhaul, cursor?: string) => listConnections(longhaul, user || undefined, cursor), [user]);
  const { items, notice, loadMore, refresh } = usePagedQuery(fetchPage);
  /** Shows the outcome of an action, and refreshes the list if it succeeded. */
  const report = (action: Promise<string>) =>
    void action.then(
      (text) => {
        setOutcome(text);
        refresh();
      },
      (error: Error) => setOutcome(error.message),
    );
  const cleanUp = async () => {
    const { removed, closed, kept } = await sumOverPages(longhaul, "cleanupConnections", {}, ["removed", "closed", "kept"]);
    return `Of those that said nothing for an hour, ${removed} were gone, ${closed} were closed, ${kept} stay.`;
  };
  const broadcast = async (content: string) => {
    const { sent, gone, lost } = await sumOverPages(longhaul, "broadcast", { content, userId: user || undefined }, ["sent", "gone", "lost"]);
    return `${sent} heard it, ${gone} were gone, ${lost} could not be reached.`;
  };
  const search = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setUser(String(new FormData(event.currentTarget).get("user")).trim());
  };
  const sendMessage = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    report(broadcast(String(new FormData(event.currentTarget).get("content"))));
    event.currentTarget.reset();
  };
  return (
    <>
      <form role="search" className="row" onSubmit={search}>
        <label>
          User <input name="user" type="search" placeholder="all" />
        </label>
        <button>Find</button>
        <button type="button" className="secondary" onClick={refresh}>
          Look again
        </button>
        <button type="button" className="secondary" onClick={() => report(cleanUp())}>
          Clean up
        </button>
      </form>
      <form className="row" onSubmit={sendMessage} aria-label="Broadcast">
        <label>
          Tell {user || "everybody"} <input name="content" required pattern=".*\S.*" placeholder="Back in five minutes." />
        </label>
        <button className="secondary">Broadcast</button>
      </form>
      <p role="status">{outcome}</p>
      <ul className="jobs">
        {items.map((connection) => (
          <ConnectionRow
            key={connection.connectionId}
            connection={connection}
            close={() => report(closeConnection(longhaul, connection.connectionId).then(() => `Closed ${connection.connectionId}.`))}
          />
        ))}
      </ul>
      <p role="status">{notice || `${items.length} connection${items.length === 1 ? "" : "s"}${loadMore ? ", and more" : ""}`}</p>
      {loadMore && (
        <button className="secondary" onClick={loadMore}>
          More
        </button>
      )}
    </>
  );
}

function ConnectionRow({ connection, close }: { connection: ConnectionInfo; close: () => void }) {
  const { connectionId, userId, ipAddress, connectedAt, lastActivity } = connection;
  const isOpen = connection.status === "CONNECTED";
  return (
    <li>
      <strong>{userId ?? "nobody yet"}</strong>
      <p className="facts">
        <span className={`status ${isOpen ? "open" : "closed"}`}>{isOpen ? "connected" : "disconnected"}</span>
        <span>{connectionId}</span>
        <span>{ipAddress}</span>
        <span>
          since <time dateTime={connectedAt}>{new Date(connectedAt).toLocaleString()}</time>
        </span>
        <span>
          active <time dateTime={lastActivity}>{new Date(lastActivity).toLocaleTimeString()}</time>
        </span>
      </p>
      {isOpen && (
        <button className="secondary" aria-label={`Close ${connectionId} of ${userId ?? "nobody"}`} onClick={close}>
          Close
        </button>
      )}
    </li>
  );
}
