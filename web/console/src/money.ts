/** Amounts as a reader of this browser's language expects them. Nothing is computed with what it gives. */

/** An exact decimal, as text, to the cent; with its currency if it has one that is known. */
export function money(amount: string | number, currency?: string): string {
  try {
    return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(Number(amount));
  } catch {
    // Bills name currencies as they like.
    return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 }).format(Number(amount))} ${currency ?? ""}`.trim();
  }
}
