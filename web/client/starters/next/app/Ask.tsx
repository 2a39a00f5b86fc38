"use client";
import { useLonghaul, useQueryJob } from "longhaul-client/react";
import { type FormEvent, useState } from "react";

/** Asks a question and shows the answer as it comes. */
export function Ask() {
  const [text, setText] = useState("What was my S3 spend in May?");
  const { connection } = useLonghaul();
  const { submit, cancel, isPending, progress, message, data, error } = useQueryJob("finops");
  const ask = (event: FormEvent) => {
    event.preventDefault();
    submit(text);
  };
  return (
    <main>
      <form onSubmit={ask}>
        <input aria-label="Question" value={text} onChange={(event) => setText(event.target.value)} size={40} />{" "}
        <button disabled={isPending}>Ask</button>{" "}
        {isPending && (
          <button type="button" onClick={() => void cancel()}>
            Cancel
          </button>
        )}
      </form>
      <p>
        <span role="status">{connection.error?.message ?? connection.state}</span> {isPending && `${message} (${progress}%)`}
      </p>
      {error && <p role="alert">{error.message}</p>}
      {data && <pre>{data.response}</pre>}
    </main>
  );
}
