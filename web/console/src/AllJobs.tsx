/** Jobs of all users: those that are open, or all of one user's. What becomes of one, its page tells. */
import type { JobView, Longhaul } from "longhaul-client";
import { type FormEvent, useCallback, useState } from "react";
import { jobsOf, openJobs } from "./adminApi";
import { Row } from "./JobRow";
import { STATUSES, StatusFilter } from "./StatusFilter";
import { useLook } from "./usePagedQuery";

/** How often it looks again: a frame, and a page of each shard of the open jobs. */
const LOOK_MS = 5_000;

export function Overseen() {
  const [user, setUser] = useState("");
  const [status, setStatus] = useState<JobView["status"]>();
  // Ended jobs stand in no list but their user's.
  const statuses = user ? STATUSES : (["queued", "processing"] as const);
  const asked = statuses.find((one) => one === status);
  const ask = useCallback(
    (longhaul: Longhaul, cursor?: string) => (user ? jobsOf(longhaul, user, asked, cursor) : openJobs(longhaul, asked)),
    [user, asked],
  );
  const { items, said, more, next } = useLook(ask, user ? undefined : LOOK_MS);
  const find = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setUser(String(new FormData(event.currentTarget).get("user")).trim());
  };
  return (
    <>
      <form role="search" className="row" onSubmit={find}>
        <label>
          User <input name="user" type="search" placeholder="all, what is open" />
        </label>
        <StatusFilter of={statuses} chosen={asked} choose={setStatus} />
        <button>Find</button>
      </form>
      <ul className="jobs">
        {items.map((job) => (
          <Row key={job.jobId} job={job} of={job.userId} />
        ))}
      </ul>
      <p role="status">{said || `${items.length} ${user ? "" : "open "}job${items.length === 1 ? "" : "s"}${user && ` of ${user}`}${more || next ? ", and more" : ""}`}</p>
      {next && (
        <button className="quiet" onClick={next}>
          Older jobs
        </button>
      )}
    </>
  );
}
