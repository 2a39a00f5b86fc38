/** Short messages about the outcome of an action, in a corner of every page. Outcomes vanish by themselves; errors and notices stay until dismissed. */
import { useSyncExternalStore } from "react";

interface Toast {
  id: number;
  text: string;
  kind: "info" | "notice" | "error";
}

/** How long an outcome is shown. */
const VISIBLE_MS = 8_000;
/** The oldest toasts are removed above this number. */
const MAX_TOASTS = 4;

let toasts: readonly Toast[] = [];
let count = 0;
const listeners = new Set<() => void>();

function update(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function dismiss(id: number): void {
  update(toasts.filter((toast) => toast.id !== id));
}

export function showToast(text: string): void {
  const id = add(text, "info");
  setTimeout(() => dismiss(id), VISIBLE_MS);
}

export function showError(error: Error): void {
  add(error.message, "error");
}

/** Shows a notice that an admin has sent to this user or to all. */
export function showNotice(text: string): void {
  add(text, "notice");
}

function add(text: string, kind: Toast["kind"]): number {
  const id = ++count;
  // The same text again replaces the earlier toast.
  update([...toasts.filter((toast) => toast.text !== text), { id, text, kind }].slice(-MAX_TOASTS));
  return id;
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="log" aria-label="Notifications">
      {shown.map(({ id, text, kind }) => (
        <p key={id} className={`toast ${kind}`}>
          <span>{text}</span>
          <button className="icon" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
