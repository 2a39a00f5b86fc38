/**
 * Changes the children of an element into newly rendered ones, and keeps the nodes that are the same: a selection in
 * them survives, and so does the order of a table that the user has sorted.
 */

/** `rendered` are the nodes that the children were made from, unless they were decorated since. Returns those of the next call. */
export function patchChildren(container: Element, rendered: readonly Node[], next: DocumentFragment, decorate: (block: Element) => void): Node[] {
  const blocks = [...next.childNodes];
  const pristine = blocks.map((block) => block.cloneNode(true));
  blocks.forEach((block, index) => {
    const shown = container.childNodes[index];
    if (!shown) return append(container, block, decorate);
    if (rendered[index]?.isEqualNode(block)) return;
    if (hasTable(shown) || hasTable(block) || !patchNode(shown, block)) {
      shown.replaceWith(block);
      if (block instanceof Element) decorate(block);
    }
  });
  while (container.childNodes.length > blocks.length) container.lastChild!.remove();
  return pristine;
}

function append(container: Element, block: Node, decorate: (block: Element) => void): void {
  container.append(block);
  if (block instanceof Element) decorate(block);
}

function hasTable(node: Node): boolean {
  return node instanceof Element && (node.tagName === "TABLE" || node.querySelector("table") !== null);
}

/** Makes `shown` equal to `next`. Returns false if it has to be replaced. */
function patchNode(shown: Node, next: Node): boolean {
  if (shown.isEqualNode(next)) return true;
  if (shown.nodeName !== next.nodeName) return false;
  if (shown instanceof Text && next instanceof Text) {
    // Text that grows keeps the selection in what was there before.
    if (next.data.startsWith(shown.data)) shown.appendData(next.data.slice(shown.data.length));
    else shown.data = next.data;
    return true;
  }
  if (!(shown instanceof Element && next instanceof Element) || !shown.cloneNode(false).isEqualNode(next.cloneNode(false))) return false;
  const children = [...next.childNodes];
  children.forEach((child, index) => {
    const current = shown.childNodes[index];
    if (!current) shown.append(child);
    else if (!patchNode(current, child)) current.replaceWith(child);
  });
  while (shown.childNodes.length > children.length) shown.lastChild!.remove();
  return true;
}
