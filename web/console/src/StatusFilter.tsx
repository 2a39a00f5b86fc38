/** A choice of one status of jobs, or of all. */
import type { JobView } from "longhaul-client";

export const STATUSES = ["queued", "processing", "completed", "failed", "cancelled"] as const;

type Status = JobView["status"];

export function StatusFilter({ of, chosen, choose }: { of: readonly Status[]; chosen?: Status; choose: (status?: Status) => void }) {
  return (
    <label>
      Status{" "}
      <select value={chosen ?? ""} onChange={(event) => choose((event.target.value || undefined) as Status | undefined)}>
        <option value="">all</option>
        {of.map((status) => (
          <option key={status}>{status}</option>
        ))}
      </select>
    </label>
  );
}
