/** Makes the rows of an HTML table sortable by its column headings, with pointer or keyboard. */

/** Turns each heading into a button. A row whose first cell is bold is a total and stays at the end; parts stay below their parent. */
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
function nextDirection(current: string | null): Direction | null {
  return current === null ? "ascending" : current === "ascending" ? "descending" : null;
}

type Direction = "ascending" | "descending";

/** A row and the rows below it that are parts of it. */
interface RowTree {
  row: HTMLTableRowElement;
  parts: RowTree[];
}

function sortRows(rows: HTMLTableRowElement[], column: number, direction: Direction): HTMLTableRowElement[] {
  const totals = rows.filter((row) => row.cells[0]?.querySelector("strong"));
  const others = rows.filter((row) => !totals.includes(row));
  const text = (row: HTMLTableRowElement) => row.cells[column]?.textContent?.trim() ?? "";
  const isNumeric = others.every((row) => text(row) === "" || !Number.isNaN(parseNumber(text(row))));
  const sign = direction === "ascending" ? 1 : -1;
  const compare = (a: RowTree, b: RowTree) => {
    const [left, right] = [text(a.row), text(b.row)];
    // Empty cells stay at the end.
    if (left === "" || right === "") return Number(left === "") - Number(right === "");
    return sign * (isNumeric ? parseNumber(left) - parseNumber(right) : left.localeCompare(right, undefined, { numeric: true }));
  };
  const flatten = (trees: RowTree[]): HTMLTableRowElement[] => trees.sort(compare).flatMap(({ row, parts }) => [row, ...flatten(parts)]);
  return [...flatten(readTree(others)), ...totals];
}

/** Rows whose first cell begins with `· ` are parts of the nearest row above that begins with fewer of them. */
function readTree(rows: HTMLTableRowElement[]): RowTree[] {
  const roots: RowTree[] = [];
  const path: RowTree[] = [];
  for (const row of rows) {
    const depth = /^(· )*/.exec(row.cells[0]?.textContent?.trim() ?? "")![0].length / 2;
    path.length = Math.min(depth, path.length);
    const tree: RowTree = { row, parts: [] };
    (path.at(-1)?.parts ?? roots).push(tree);
    path.push(tree);
  }
  return roots;
}

/** Parses a number in the format of answers: `1,234.50`, `12.5 %`, `0.085 USD`. NaN for other text. */
function parseNumber(text: string): number {
  return /^[-+]?\d[\d,]*(\.\d+)?( ?(%|[A-Z]{3}))?$/.test(text) ? parseFloat(text.replace(/,/g, "")) : NaN;
}
