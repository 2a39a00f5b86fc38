/** Who is connected: closed one by one, cleared of the stale, told something. */
import type { Longhaul } from "longhaul-client";
import { useLonghaul } from "longhaul-client/react";
import { type FormEvent, useCallback, useState } from "react";
import { close, type ConnectionRow, connections, throughAll } from "./adminApi";
import { useLook } from "./usePagedQuery";

export function ConnectionList() {
  const { longhaul } = useLonghaul();
  const [user, setUser] = useState("");
  const [done, setDone] = useState("");
  const ask = useCallback((longhaul: Longhaul, cursor?: string) => connections(longhaul, user || undefined, cursor), [user]);
  const { items, said, next, look } = useLook(ask);
  /** Does something, and says what came of it. */
  const act = (doing: Promise<string>) =>
    void doing.then(
      (words) => {
        setDone(words);
        look();
      },
      (error: Error) => setDone(error.message),
    );
  const clean = async () => {
    const { removed, closed, kept } = await throughAll(longhaul, "cleanupConnections", {}, ["removed", "closed", "kept"]);
    return `Of those that said nothing for an hour, ${removed} were gone, ${closed} were closed, ${kept} stay.`;
  };
  const broadcast = async (content: string) => {
    const { sent, gone, lost } = await throughAll(longhaul, "broadcast", { content, userId: user || undefined }, ["sent", "gone", "lost"]);
    return `${sent} heard it, ${gone} were gone, ${lost} could not be reached.`;
  };
  const find = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setUser(String(new FormData(event.currentTarget).get("user")).trim());
  };
  const tell = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    act(broadcast(String(new FormData(event.currentTarget).get("content"))));
    event.currentTarget.reset();
  };
  return (
    <>
      <form role="search" className="row" onSubmit={find}>
        <label>
          User <input name="user" type="search" placeholder="all" />
        </label>
        <button>Find</button>
        <button type="button" className="quiet" onClick={look}>
          Look again
        </button>
        <button type="button" className="quiet" onClick={() => act(clean())}>
          Clean up
        </button>
      </form>
      <form className="row" onSubmit={tell} aria-label="Broadcast">
        <label>
          Tell {user || "everybody"} <input name="content" required pattern=".*\S.*" placeholder="Back in five minutes." />
        </label>
        <button className="quiet">Broadcast</button>
      </form>
      <p role="status">{done}</p>
      <ul className="jobs">
        {items.map((row) => (
          <Row key={row.connectionId} row={row} close={() => act(close(longhaul, row.connectionId).then(() => `Closed ${row.connectionId}.`))} />
        ))}
      </ul>
      <p role="status">{said || `${items.length} connection${items.length === 1 ? "" : "s"}${next ? ", and more" : ""}`}</p>
      {next && (
        <button className="quiet" onClick={next}>
          More
        </button>
      )}
    </>
  );
}

function Row({ row, close }: { row: ConnectionRow; close: () => void }) {
  const isOpen = row.status === "CONNECTED";
  return (
    <li>
      <strong>{row.userId ?? "nobody yet"}</strong>
      <p className="facts">
        <span className={`status ${isOpen ? "open" : "closed"}`}>{isOpen ? "connected" : "disconnected"}</span>
        <span>{row.connectionId}</span>
        <span>{row.ipAddress}</span>
        <span>
          since <time dateTime={row.connectedAt}>{new Date(row.connectedAt).toLocaleString()}</time>
        </span>
        <span>
          active <time dateTime={row.lastActivity}>{new Date(row.lastActivity).toLocaleTimeString()}</time>
        </span>
      </p>
      {isOpen && (
        <button className="quiet" aria-label={`Close ${row.connectionId} of ${row.userId ?? "nobody"}`} onClick={close}>
          Close
        </button>
      )}
    </li>
  );
}
