/** An answer in Markdown, however long: what would make the page slow is shown when it is asked for. */
import { Suspense, useState } from "react";
import { Boundary } from "./ErrorBoundary";
import { Markdown } from "./lazyComponents";

/** Characters that are drawn unasked; a browser lays out ten times as many in seconds. */
const SHOWN = 100_000;

export function Answer({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? text : text.slice(0, SHOWN);
  return (
    <section aria-label="Answer">
      <Boundary what="The answer">
        <Suspense fallback={<pre>{shown}</pre>}>
          <Markdown text={shown} />
        </Suspense>
      </Boundary>
      {shown.length < text.length && (
        <p className="notice">
          These are the first {SHOWN.toLocaleString()} of {text.length.toLocaleString()} characters.{" "}
          <button className="quiet" onClick={() => setWhole(true)}>
            Show all
          </button>
        </p>
      )}
    </section>
  );
}
