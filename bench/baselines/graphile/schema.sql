-- Jobs, and their events.

CREATE TABLE IF NOT EXISTS jobs (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    kind text NOT NULL,
    query text NOT NULL,
    params jsonb NOT NULL,
    status text NOT NULL DEFAULT 'queued',
    progress integer NOT NULL DEFAULT 5,
    seq integer NOT NULL DEFAULT 1,
    step integer NOT NULL DEFAULT 0,
    result jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX IF NOT EXISTS jobs_of_owner ON jobs (owner, created_at DESC);

CREATE TABLE IF NOT EXISTS job_events (
    job_id uuid NOT NULL REFERENCES jobs,
    seq integer NOT NULL,
    event jsonb NOT NULL,
    PRIMARY KEY (job_id, seq)
);
