/** Renders Markdown of untrusted origin as sanitized HTML, with sortable tables. */
import DOMPurify from "dompurify";
import { marked } from "marked";
import { useLayoutEffect, useRef } from "react";
import { patchChildren } from "./patchDom";
import { makeSortable } from "./sortableTable";
import { csvButton } from "./tableCsv";
import { resourceName, splitText } from "./textPieces";

const SANITIZE_OPTIONS = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select"],
  FORBID_ATTR: ["style", "id", "name", "class"],
  RETURN_DOM_FRAGMENT: true,
} as const;

export function Markdown({ text }: { text: string }) {
  const container = useRef<HTMLDivElement>(null);
  const rendered = useRef<Node[]>([]);
  useLayoutEffect(() => {
    const html = marked.parse(text, { async: false, gfm: true });
    const sanitized = DOMPurify.sanitize(html, { ...SANITIZE_OPTIONS, FORBID_TAGS: [...SANITIZE_OPTIONS.FORBID_TAGS], FORBID_ATTR: [...SANITIZE_OPTIONS.FORBID_ATTR] });
    markUnbroken(sanitized);
    rendered.current = patchChildren(container.current!, rendered.current, sanitized, decorateTables);
  }, [text]);
  return <div className="markdown" ref={container} />;
}

/** Makes the tables in a block sortable, wide ones scrollable by themselves, and each available as CSV. */
function decorateTables(block: Element): void {
  const tables = block instanceof HTMLTableElement ? [block] : [...block.querySelectorAll("table")];
  for (const table of tables) {
    makeSortable(table);
    const scroller = document.createElement("div");
    scroller.className = "scroller";
    // The keyboard scrolls it by what has the focus: a heading's button, or else the scroller.
    if (!table.querySelector("button")) scroller.tabIndex = 0;
    const wrapper = document.createElement("div");
    table.replaceWith(wrapper);
    scroller.append(table);
    wrapper.append(scroller, csvButton(table));
  }
}

/** Keeps dates and amounts on one line, and shows the names in ARNs, which are shown on hover. */
function markUnbroken(fragment: DocumentFragment): void {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const node of texts) {
    const parts = splitText(node.data);
    if (parts.length === 1) continue;
    node.replaceWith(
      ...parts.map((part, index) => {
        if (index % 2 === 0) return part;
        const span = document.createElement("span");
        span.textContent = resourceName(part);
        if (part.startsWith("arn:")) span.title = part;
        else span.className = "unbroken";
        return span;
      }),
    );
  }
}
