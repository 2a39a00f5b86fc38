/** The admins' list of connections: search and sort it, close one, close idle ones, and send a message to users. */
import type { Longhaul } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { type FormEvent, useCallback, useState } from "react";
import { closeConnection, type ConnectionInfo, listConnections, sumOverPages } from "./adminApi";
import { confirm } from "./confirm";
import { clientName, CONNECTION_COLUMNS, type ConnectionColumn, type ConnectionSort, orderConnections, searchConnections } from "./connectionOrder";
import { useSearchParam } from "./router";
import { TimeAgo } from "./serverTime";
import { showError, showToast } from "./toasts";
import { usePagedQuery } from "./usePagedQuery";

export function ConnectionList() {
  const { longhaul } = useLonghaul();
  const [user, setUser] = useSearchParam("user");
  const [text, setText] = useSearchParam("text");
  const [sort, setSort] = useState<ConnectionSort>("-lastActivity");
  const fetchPage = useCallback((longhaul: Longhaul, cursor?: string) => listConnections(longhaul, user || undefined, cursor), [user]);
  const { items, notice, loadMore, refresh } = usePagedQuery(fetchPage);
  const shown = orderConnections(searchConnections(items, text), sort);
  const liveCount = items.filter(({ status }) => status === "CONNECTED").length;
  /** Asks first, then shows the outcome of the action and refreshes the list. */
  const run = async (title: string, detail: string, action: string, perform: () => Promise<string>) => {
    if (!(await confirm({ title, detail, action }))) return;
    try {
      showToast(await perform());
      refresh();
    } catch (error) {
      showError(error as Error);
    }
  };
  const close = ({ connectionId, userId }: ConnectionInfo) =>
    run(`Close the connection of ${userId ?? "a client that is not signed in"}?`, "Its jobs keep running. The client library connects again by itself.", "Close connection", async () => {
      await closeConnection(longhaul, connectionId);
      return `Connection ${connectionId} closed.`;
    });
  const cleanUp = () =>
    run("Close idle connections?", "Every connection without activity for more than an hour is closed, of all users.", "Close idle connections", async () => {
      const { removed, closed, kept } = await sumOverPages(longhaul, "cleanupConnections", {}, ["removed", "closed", "kept"]);
      return `Connections idle for more than an hour: ${closed} closed, ${removed} already gone, ${kept} kept.`;
    });
  const sendMessage = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const content = String(new FormData(form).get("content"));
    void run(`Send this to ${user || "all users"}?`, `“${content}” is shown to ${user || "every user"} who is connected now. It is not stored.`, "Send message", async () => {
      const { sent, gone, lost } = await sumOverPages(longhaul, "broadcast", { content, userId: user || undefined }, ["sent", "gone", "lost"]);
      form.reset();
      return `Message sent to ${sent} connection${sent === 1 ? "" : "s"}; ${gone} already closed, ${lost} unreachable.`;
    });
  };
  const search = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setUser(String(new FormData(event.currentTarget).get("user")).trim());
  };
  return (
    <>
      <form role="search" className="row" onSubmit={search}>
        <label>
          User <input name="user" type="search" placeholder="All users" defaultValue={user} />
        </label>
        <button className="secondary">Show user</button>
        <label className="grow">
          Search <input type="search" value={text} onChange={(event) => setText(event.target.value)} placeholder="User, address, client, id" />
        </label>
        <button type="button" className="secondary" onClick={refresh}>
          Refresh
        </button>
        <button type="button" className="secondary" onClick={() => void cleanUp()}>
          Close idle connections
        </button>
      </form>
      <form className="row" onSubmit={sendMessage} aria-label="Send a message">
        <label className="grow">
          Message {user || "all users"} <input name="content" required pattern=".*\S.*" placeholder="Back in 5 minutes." />
        </label>
        <button className="secondary">Send</button>
      </form>
      <div className="scroller">
        <table className="job-table connections">
          <thead>
            <tr>
              {Object.keys(CONNECTION_COLUMNS).map((column) => (
                <SortHeading key={column} column={column as ConnectionColumn} sort={sort} onSort={setSort} />
              ))}
              <th scope="col">
                <span className="visually-hidden">Action</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((connection) => (
              <ConnectionRow key={connection.connectionId} connection={connection} close={() => void close(connection)} />
            ))}
          </tbody>
        </table>
      </div>
      <p role="status" className="summary">
        {notice || summary(shown.length, items.length, liveCount, loadMore !== undefined)}
      </p>
      {loadMore && (
        <button className="secondary" onClick={loadMore}>
          Load more
        </button>
      )}
    </>
  );
}

function SortHeading({ column, sort, onSort }: { column: ConnectionColumn; sort: ConnectionSort; onSort: (sort: ConnectionSort) => void }) {
  const direction = sort === column ? "ascending" : sort === `-${column}` ? "descending" : undefined;
  return (
    <th scope="col" aria-sort={direction}>
      <button type="button" onClick={() => onSort(direction === "ascending" ? `-${column}` : column)}>
        {CONNECTION_COLUMNS[column]}
      </button>
    </th>
  );
}

function ConnectionRow({ connection, close }: { connection: ConnectionInfo; close: () => void }) {
  const { connectionId, userId, ipAddress, userAgent, connectedAt, lastActivity } = connection;
  const isOpen = connection.status === "CONNECTED";
  return (
    <tr data-row title={connectionId}>
      <td className="user-cell">
        <strong>{userId ?? "Not signed in"}</strong>
      </td>
      <td>
        <span className={`badge ${isOpen ? "open" : "closed"}`}>{isOpen ? "Connected" : "Disconnected"}</span>
      </td>
      <td>{ipAddress}</td>
      <td title={userAgent}>{clientName(userAgent)}</td>
      <td>
        <TimeAgo at={connectedAt} />
      </td>
      <td>
        <TimeAgo at={lastActivity} />
      </td>
      <td>
        {isOpen && (
          <button className="secondary small" aria-label={`Close connection ${connectionId}${userId ? ` of ${userId}` : ""}`} onClick={close}>
            Close
          </button>
        )}
      </td>
    </tr>
  );
}

function summary(shown: number, count: number, live: number, hasMore: boolean): string {
  const text = `${count || "No"} connection${count === 1 ? "" : "s"}, ${live} live`;
  return `${shown < count ? `${shown} of ` : ""}${text}${hasMore ? " shown; there are more" : ""}`;
}
