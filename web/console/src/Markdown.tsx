/** Markdown from a job, shown as HTML that can do nothing: whoever wrote it is not trusted. */
import DOMPurify from "dompurify";
import { marked } from "marked";
import { useMemo } from "react";

export function Markdown({ text }: { text: string }) {
  const html = useMemo(() => {
    const wanted = marked.parse(text, { async: false, gfm: true });
    return DOMPurify.sanitize(wanted, { USE_PROFILES: { html: true }, FORBID_TAGS: ["style", "form", "input", "button"], FORBID_ATTR: ["style", "id"] });
  }, [text]);
  return <div className="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}
