/** A button that downloads an HTML table as CSV (RFC 4180). */

/** The button for this table, whose rows are downloaded in the order in which they are shown. */
export function csvButton(table: HTMLTableElement): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "secondary small";
  button.textContent = "Download CSV";
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([toCsv(table)], { type: "text/csv" }));
    link.download = "table.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  return button;
}

function toCsv(table: HTMLTableElement): string {
  return [...table.rows].map((row) => [...row.cells].map((cell) => field(cell.textContent!.trim())).join(",") + "\r\n").join("");
}

/** Amounts have no thousands separators. A text that a spreadsheet would take for a formula is marked as text. */
function field(text: string): string {
  if (/^-?\d{1,3}(,\d{3})*(\.\d+)?$/.test(text)) return text.replace(/,/g, "");
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
