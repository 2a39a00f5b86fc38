/** Tables that are sorted by a click on a heading, or a key. It knows no Markdown: any table of rows will do. */

/** Makes each heading of a table a button. A row whose first cell is bold is a sum, and stays at the end. */
export function makeSortable(table: HTMLTableElement): void {
  const body = table.tBodies[0];
  const headings = [...(table.tHead?.rows[0]?.cells ?? [])];
  if (!body || body.rows.length < 2) return;
  const given = [...body.rows];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.replaceChildren(button);
    heading.scope = "col";
    button.addEventListener("click", () => {
      const next = following(heading.ariaSort);
      for (const other of headings) other.ariaSort = null;
      heading.ariaSort = next;
      body.replaceChildren(...(next ? sorted(given, column, next) : given));
    });
  });
}

/** Ascending, descending, as given, and again. */
function following(now: string | null): "ascending" | "descending" | null {
  return now === null ? "ascending" : now === "ascending" ? "descending" : null;
}

function sorted(rows: HTMLTableRowElement[], column: number, how: "ascending" | "descending"): HTMLTableRowElement[] {
  const sums = rows.filter((row) => row.cells[0]?.querySelector("strong"));
  const others = rows.filter((row) => !sums.includes(row));
  const text = (row: HTMLTableRowElement) => row.cells[column]?.textContent?.trim() ?? "";
  const areNumbers = others.every((row) => !Number.isNaN(number(text(row))));
  const compare = (a: HTMLTableRowElement, b: HTMLTableRowElement) =>
    areNumbers ? number(text(a)) - number(text(b)) : text(a).localeCompare(text(b), undefined, { numeric: true });
  return [...others.sort((a, b) => (how === "ascending" ? compare(a, b) : compare(b, a))), ...sums];
}

/** Answers write numbers as `1,234.50`; what is not one is not a number. */
function number(text: string): number {
  return text === "" ? NaN : Number(text.replace(/,/g, ""));
}
