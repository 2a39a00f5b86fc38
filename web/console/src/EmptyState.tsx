/** What a list shows while it has no rows: why, and what to do, with a command to copy. */
import type { ReactNode } from "react";
import { CopyButton } from "./CopyButton";

export function EmptyState({ title, children, command }: { title: string; children?: ReactNode; command?: string }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
      {command && (
        <div className="command">
          <pre tabIndex={0}>
            <code>{command}</code>
          </pre>
          <CopyButton label="Copy" text={command} what="Command" />
        </div>
      )}
    </div>
  );
}
