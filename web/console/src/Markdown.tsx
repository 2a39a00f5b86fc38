/** Markdown from a job, shown as HTML that can do nothing: whoever wrote it is not trusted. Its tables can be sorted. */
import DOMPurify from "dompurify";
import { marked } from "marked";
import { useLayoutEffect, useRef } from "react";
import { makeSortable } from "./sortableTable";

const HARMLESS = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select"],
  FORBID_ATTR: ["style", "id", "name", "class"],
  RETURN_DOM_FRAGMENT: true,
} as const;

export function Markdown({ text }: { text: string }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const html = marked.parse(text, { async: false, gfm: true });
    const harmless = DOMPurify.sanitize(html, { ...HARMLESS, FORBID_TAGS: [...HARMLESS.FORBID_TAGS], FORBID_ATTR: [...HARMLESS.FORBID_ATTR] });
    harmless.querySelectorAll("table").forEach(makeSortable);
    place.current!.replaceChildren(harmless);
  }, [text]);
  return <div className="markdown" ref={place} />;
}
