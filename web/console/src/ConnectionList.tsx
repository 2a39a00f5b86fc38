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
    return `Connections idle for more than an hour: ${closed} closed, ${removed} already gone, ${kept} kept.`;
  };
  const broadcast = async (content: string) => {
    const { sent, gone, lost } = await sumOverPages(longhaul, "broadcast", { content, userId: user || undefined }, ["sent", "gone", "lost"]);
    return `Message sent to ${sent} connection${sent === 1 ? "" : "s"}; ${gone} already closed, ${lost} unreachable.`;
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
          User <input name="user" type="search" placeholder="All users" />
        </label>
        <button>Search</button>
        <button type="button" className="secondary" onClick={refresh}>
          Refresh
        </button>
        <button type="button" className="secondary" onClick={() => report(cleanUp())}>
          Close idle connections
        </button>
      </form>
      <form className="row" onSubmit={sendMessage} aria-label="Send a message">
        <label>
          Message {user || "all users"} <input name="content" required pattern=".*\S.*" placeholder="Back in 5 minutes." />
        </label>
        <button className="secondary">Send</button>
      </form>
      <p role="status">{outcome}</p>
      <ul className="jobs">
        {items.map((connection) => (
          <ConnectionRow
            key={connection.connectionId}
            connection={connection}
            close={() => report(closeConnection(longhaul, connection.connectionId).then(() => `Connection ${connection.connectionId} closed.`))}
          />
        ))}
      </ul>
      <p role="status">{notice || `${items.length || "No"} connection${items.length === 1 ? "" : "s"}${loadMore ? " shown; there are more" : ""}`}</p>
      {loadMore && (
        <button className="secondary" onClick={loadMore}>
          Load more
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
      <strong>{userId ?? "Not signed in"}</strong>
      <p className="facts">
        <span className={`status ${isOpen ? "open" : "closed"}`}>{isOpen ? "Connected" : "Disconnected"}</span>
        <span>{connectionId}</span>
        <span>{ipAddress}</span>
        <span>
          Opened <time dateTime={connectedAt}>{new Date(connectedAt).toLocaleString()}</time>
        </span>
        <span>
          Last active <time dateTime={lastActivity}>{new Date(lastActivity).toLocaleTimeString()}</time>
        </span>
      </p>
      {isOpen && (
        <button className="secondary" aria-label={`Close connection ${connectionId}${userId ? ` of ${userId}` : ""}`} onClick={close}>
          Close
        </button>
      )}
    </li>
  );
}
