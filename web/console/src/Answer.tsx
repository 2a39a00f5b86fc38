/** An answer in Markdown. A very long one is cut until the user asks for all of it. */
import { Suspense, useState } from "react";
import { ErrorBoundary } from "./ErrorBoundary";
import { Markdown } from "./lazyAnswer";

/** Characters shown at first. A browser takes seconds to lay out ten times as many. */
const INITIAL_CHARACTERS = 100_000;

export function Answer({ text }: { text: string }) {
  const [isExpanded, setExpanded] = useState(false);
  const visibleText = isExpanded ? text : text.slice(0, INITIAL_CHARACTERS);
  return (
    <section aria-label="Answer">
      <ErrorBoundary content="The answer">
        <Suspense fallback={<pre>{visibleText}</pre>}>
          <Markdown text={visibleText} />
        </Suspense>
      </ErrorBoundary>
      {visibleText.length < text.length && (
        <p className="notice">
          Showing the first {INITIAL_CHARACTERS.toLocaleString()} of {text.length.toLocaleString()} characters.{" "}
          <button className="secondary" onClick={() => setExpanded(true)}>
            Show all
          </button>
        </p>
      )}
    </section>
  );
}
