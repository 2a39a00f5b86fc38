/** A dialog that asks before an action that cannot be undone or that concerns others. */
import { useEffect, useRef, useSyncExternalStore } from "react";

interface Question {
  title: string;
  detail: string;
  /** The label of the button that confirms: what will be done. */
  action: string;
  answer(isConfirmed: boolean): void;
}

let current: Question | undefined;
const listeners = new Set<() => void>();

function update(question: Question | undefined): void {
  current = question;
  for (const listener of listeners) listener();
}

/** Resolves to whether the user has confirmed. */
export function confirm(question: Omit<Question, "answer">): Promise<boolean> {
  current?.answer(false);
  return new Promise((resolve) => {
    const answer = (isConfirmed: boolean) => {
      update(undefined);
      resolve(isConfirmed);
    };
    update({ ...question, answer });
  });
}

export function ConfirmDialog() {
  const question = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), [question]);
  if (!question) return null;
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onClose={() => question.answer(false)}>
      <h2 id="confirm-title">{question.title}</h2>
      <p>{question.detail}</p>
      <div className="row">
        <button className="danger" onClick={() => question.answer(true)}>
          {question.action}
        </button>
        <button className="secondary" autoFocus onClick={() => question.answer(false)}>
          Keep as it is
        </button>
      </div>
    </dialog>
  );
}
