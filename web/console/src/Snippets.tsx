/** Code that submits the same query from elsewhere, one language at a time. */
import { useState } from "react";
import { CopyButton } from "./CopyButton";
import { type Query, snippetsOf } from "./querySnippets";

export function Snippets({ query, url }: { query: Query; url: string }) {
  const snippets = snippetsOf(query, url);
  const [selected, setSelected] = useState(snippets[0]!.name);
  const { code } = snippets.find(({ name }) => name === selected)!;
  return (
    <details>
      <summary>Ask this from code</summary>
      <div className="row">
        <label>
          Language{" "}
          <select value={selected} onChange={(event) => setSelected(event.target.value)}>
            {snippets.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <CopyButton label="Copy code" text={code} what="Code" />
      </div>
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </details>
  );
}
