/** Keyboard shortcuts of all pages, and the dialog that lists them. */
import { useEffect, useRef, useState } from "react";
import { navigate } from "./router";

const SHORTCUTS = [
  ["⌘ or Ctrl + Enter", "Ask the question"],
  ["/", "Search, or start a question"],
  ["j, k", "Next and previous row of a list"],
  ["Enter", "Open the row"],
  ["?", "Show or hide this list"],
] as const;

export function Shortcuts() {
  const [isOpen, setOpen] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const handle = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.metaKey || event.ctrlKey || event.altKey || target.closest("input, textarea, select, [contenteditable]")) return;
      if (document.querySelector("dialog[open]:not(.shortcuts)")) return;
      const action = { "/": focusSearch, j: () => moveFocus(1), k: () => moveFocus(-1), "?": () => setOpen((isOpen) => !isOpen) }[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", handle);
    return () => removeEventListener("keydown", handle);
  }, []);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} className="shortcuts" aria-labelledby="shortcuts-title" onClose={() => setOpen(false)}>
      <h2 id="shortcuts-title">Keyboard shortcuts</h2>
      <dl>
        {SHORTCUTS.map(([keys, effect]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{effect}</dd>
          </div>
        ))}
      </dl>
      <button className="secondary" onClick={() => setOpen(false)}>
        Close
      </button>
    </dialog>
  );
}

function focusSearch(): void {
  const field = document.querySelector<HTMLElement>("main input[type=search], main textarea");
  if (field) field.focus();
  else navigate("/jobs");
}

/** Moves the focus by rows: the first link of the next or previous element with `data-row`. */
function moveFocus(step: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>("main [data-row]")].flatMap((row) => row.querySelector<HTMLElement>("a, button") ?? []);
  const row = document.activeElement?.closest("[data-row]");
  const current = links.findIndex((link) => row?.contains(link));
  const next = current < 0 ? (step > 0 ? 0 : links.length - 1) : current + step;
  links[Math.min(Math.max(next, 0), links.length - 1)]?.focus();
}
