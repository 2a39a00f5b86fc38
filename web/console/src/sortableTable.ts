/** Makes the rows of an HTML table sortable by its column headings, with pointer or keyboard. */

/** Turns each heading into a button. A row whose first cell is bold is a total and stays at the end. */
export function makeSortable(table: HTMLTableElement): void {
  const body = table.tBodies[0];
  const headings = [...(table.tHead?.rows[0]?.cells ?? [])];
  if (!body || body.rows.length < 2) return;
  const originalRows = [...body.rows];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.replaceChildren(button);
    heading.scope = "col";
    button.addEventListener("click", () => {
      const direction = nextDirection(heading.ariaSort);
      for (const other of headings) other.ariaSort = null;
      heading.ariaSort = direction;
      body.replaceChildren(...(direction ? sortRows(originalRows, column, direction) : originalRows));
    });
  });
}

/** Cycles through ascending, descending and the original order. */
function nextDirection(current: string | null): "ascending" | "descending" | null {
  return current === null ? "ascending" : current === "ascending" ? "descending" : null;
}

function sortRows(rows: HTMLTableRowElement[], column: number, direction: "ascending" | "descending"): HTMLTableRowElement[] {
  const totals = rows.filter((row) => row.cells[0]?.querySelector("strong"));
  const others = rows.filter((row) => !totals.includes(row));
  const text = (row: HTMLTableRowElement) => row.cells[column]?.textContent?.trim() ?? "";
  const isNumeric = others.every((row) => !Number.isNaN(parseNumber(text(row))));
  const compare = (a: HTMLTableRowElement, b: HTMLTableRowElement) =>
    isNumeric ? parseNumber(text(a)) - parseNumber(text(b)) : text(a).localeCompare(text(b), undefined, { numeric: true });
  return [...others.sort((a, b) => (direction === "ascending" ? compare(a, b) : compare(b, a))), ...totals];
}

/** Parses a number in the format of answers, `1,234.50`. NaN for other text. */
function parseNumber(text: string): number {
  return text === "" ? NaN : Number(text.replace(/,/g, ""));
}
