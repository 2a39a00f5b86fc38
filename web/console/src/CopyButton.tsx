/** A button that copies a text and says so. */
import { showToast } from "./toasts";

interface Props {
  label: string;
  /** What is copied, as a function if it is expensive to make. */
  text: string | (() => string);
  /** What the text is, for the message: "Link copied." */
  what?: string;
}

export function CopyButton({ label, text, what = "JSON" }: Props) {
  const copy = () => {
    const content = typeof text === "string" ? text : text();
    // Browsers provide the clipboard only to secure contexts: HTTPS or localhost.
    const copied = navigator.clipboard?.writeText(content) ?? Promise.reject();
    copied.then(
      () => showToast(`${what} copied.`),
      () => showToast("This browser does not let the page copy. Select the text and copy it."),
    );
  };
  return (
    <button type="button" className="secondary" onClick={copy}>
      {label}
    </button>
  );
}
