/** JSON as a tree of nodes that open and close, with a button that copies all of it. */
import { useState } from "react";
import { CopyButton } from "./CopyButton";

/** Levels that are open at first. */
const OPEN_LEVELS = 2;
/** Entries of a node that are shown at first, and that each click adds. */
const PAGE_ENTRIES = 100;
/** Characters of a text that are shown at first. */
const VISIBLE_CHARACTERS = 500;

export function JsonViewer({ title, value }: { title: string; value: unknown }) {
  const [isOpen, setOpen] = useState(false);
  // Rendered only when opened, because it may be large.
  return (
    <details className="json" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen && (
        <>
          <CopyButton label="Copy JSON" text={() => JSON.stringify(value, null, 2)} />
          <ul>
            <JsonNode value={value} level={0} />
          </ul>
        </>
      )}
    </details>
  );
}

function JsonNode({ name, value, level }: { name?: string; value: unknown; level: number }) {
  const label = name !== undefined && <span className="json-name">{name}: </span>;
  if (value === null || typeof value !== "object") {
    return (
      <li>
        {label}
        <JsonLeaf value={value} />
      </li>
    );
  }
  return <JsonBranch label={label} value={value} level={level} />;
}

function JsonBranch({ label, value, level }: { label: React.ReactNode; value: object; level: number }) {
  const [isOpen, setOpen] = useState(level < OPEN_LEVELS);
  const [limit, setLimit] = useState(PAGE_ENTRIES);
  const isArray = Array.isArray(value);
  const entries = Object.entries(value);
  const size = `${entries.length} ${isArray ? "item" : "field"}${entries.length === 1 ? "" : "s"}`;
  if (!entries.length) {
    return (
      <li>
        {label}
        {isArray ? "[]" : "{}"}
      </li>
    );
  }
  return (
    <li>
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          {label}
          <span className="json-size">{isArray ? `[${size}]` : `{${size}}`}</span>
        </summary>
        {isOpen && (
          <ul>
            {entries.slice(0, limit).map(([name, entry]) => (
              <JsonNode key={name} name={name} value={entry} level={level + 1} />
            ))}
            {entries.length > limit && (
              <li>
                <button className="secondary" onClick={() => setLimit(limit + PAGE_ENTRIES)}>
                  Show {Math.min(PAGE_ENTRIES, entries.length - limit)} of {entries.length - limit} more
                </button>
              </li>
            )}
          </ul>
        )}
      </details>
    </li>
  );
}

function JsonLeaf({ value }: { value: unknown }) {
  const [isExpanded, setExpanded] = useState(false);
  const text = JSON.stringify(value) ?? "null";
  const isCut = !isExpanded && text.length > VISIBLE_CHARACTERS;
  return (
    <>
      <span className={`json-${typeof value}`}>{isCut ? `${text.slice(0, VISIBLE_CHARACTERS)}…` : text}</span>
      {isCut && (
        <button className="secondary" onClick={() => setExpanded(true)}>
          Show all {text.length.toLocaleString()} characters
        </button>
      )}
    </>
  );
}
