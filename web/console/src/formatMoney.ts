/** Amounts as a reader of this browser's language expects them. Nothing is computed with what it gives. */

/** An exact decimal, as text, or a number: to the cent, with its currency if it has one that is known. */
export function money(amount: string | number, currency?: string): string {
  return spelled(Number(amount), currency, {});
}

/** The same without cents where there are none, as on an axis. */
export function roundMoney(amount: string | number, currency?: string): string {
  return spelled(Number(amount), currency, { trailingZeroDisplay: "stripIfInteger" });
}

function spelled(amount: number, currency: string | undefined, options: Intl.NumberFormatOptions): string {
  try {
    return new Intl.NumberFormat(undefined, { ...options, style: "currency", currency }).format(amount);
  } catch {
    // Bills name currencies as they like.
    return `${new Intl.NumberFormat(undefined, { ...options, maximumFractionDigits: 2 }).format(amount)} ${currency ?? ""}`.trim();
  }
}
