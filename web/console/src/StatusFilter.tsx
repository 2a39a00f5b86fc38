/** A select box that filters jobs by status. */
import type { JobView } from "longhaul-client";
import { STATUS_LABELS } from "./statusLabels";

export const JOB_STATUSES = ["queued", "processing", "completed", "failed", "cancelled"] as const;

type Status = JobView["status"];

/** `selected` is `undefined` for all statuses. */
export function StatusFilter({ statuses, selected, onSelect }: { statuses: readonly Status[]; selected?: Status; onSelect: (status?: Status) => void }) {
  return (
    <label>
      Status{" "}
      <select value={selected ?? ""} onChange={(event) => onSelect((event.target.value || undefined) as Status | undefined)}>
        <option value="">All</option>
        {statuses.map((status) => (
          <option key={status} value={status}>
            {STATUS_LABELS[status]}
          </option>
        ))}
      </select>
    </label>
  );
}
