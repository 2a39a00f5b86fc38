/** Renders Markdown of untrusted origin as sanitized HTML, with sortable tables. */
import DOMPurify from "dompurify";
import { marked } from "marked";
import { useLayoutEffect, useRef } from "react";
import { makeSortable } from "./sortableTable";

const SANITIZE_OPTIONS = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select"],
  FORBID_ATTR: ["style", "id", "name", "class"],
  RETURN_DOM_FRAGMENT: true,
} as const;

export function Markdown({ text }: { text: string }) {
  const container = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const html = marked.parse(text, { async: false, gfm: true });
    const sanitized = DOMPurify.sanitize(html, { ...SANITIZE_OPTIONS, FORBID_TAGS: [...SANITIZE_OPTIONS.FORBID_TAGS], FORBID_ATTR: [...SANITIZE_OPTIONS.FORBID_ATTR] });
    sanitized.querySelectorAll("table").forEach(makeSortable);
    container.current!.replaceChildren(sanitized);
  }, [text]);
  return <div className="markdown" ref={container} />;
}
