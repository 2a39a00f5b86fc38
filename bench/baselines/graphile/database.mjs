// SQL statements, each a transaction of its own. An event and the job's row are written together; a NOTIFY after the
// commit informs the front ends. In the same transaction it would hold a lock of the whole server until the commit is on
// disk, one commit at a time, which took two to three times as long.

/** The maximum payload of NOTIFY is 7999 bytes. For a longer event the front end reads the row. */
const MAX_PAYLOAD = 7900;

export const CHANNEL = "job_events";

/** The job, its first event, and its task in the queue. */
export const SUBMIT = {
  name: "submit",
  text: `WITH job AS (
      INSERT INTO jobs (id, owner, kind, query, params) VALUES ($1, $2, $3, $4, $5)
    ), event AS (
      INSERT INTO job_events (job_id, seq, event) VALUES ($1, 1, $6)
    )
    SELECT graphile_worker.add_job($3, json_build_object('jobId', $1::text), job_key := $1::text)`,
};

const REPORT = {
  name: "report",
  text: `WITH job AS (
      UPDATE jobs SET status = $3, progress = $4, step = $5, seq = $2, result = $6,
        ended_at = CASE WHEN $6::jsonb IS NULL THEN NULL ELSE now() END
      WHERE id = $1
    ), event AS (
      INSERT INTO job_events (job_id, seq, event) VALUES ($1, $2, $7)
    )
    SELECT 1`,
};

/** Writes a job's next event and notifies the front ends. A second worker's event with the same number is refused. */
export async function report(query, job, event) {
  const result = event.result ? JSON.stringify(event.result) : null;
  await query({
    ...REPORT,
    values: [job.id, event.seq, job.status, job.progress, job.step, result, JSON.stringify(event)],
  });
  await notify(query, job.id, event);
}

/** Notifies the front ends of a written event; `{seq}` suffices. */
export function notify(query, jobId, event) {
  const whole = JSON.stringify({ jobId, event });
  const payload = event.type && Buffer.byteLength(whole) <= MAX_PAYLOAD ? whole : JSON.stringify({ jobId, seq: event.seq });
  return query({ name: "notify", text: `SELECT pg_notify('${CHANNEL}', $1)`, values: [payload] });
}

/** The event of a notification. */
export async function notifiedEvent(pool, payload) {
  const { jobId, event, seq } = JSON.parse(payload);
  if (event) return { jobId, event };
  const { rows } = await pool.query("SELECT event FROM job_events WHERE job_id = $1 AND seq = $2", [jobId, seq]);
  return { jobId, event: rows[0].event };
}
