/** Formats amounts of money in the browser's language, for display only. */

/** An exact decimal string or a number, rounded to cents, with its currency if there is one. */
export function formatMoney(amount: string | number, currency?: string): string {
  return format(Number(amount), currency, {});
}

/** The same, without cents for whole amounts, for axes. */
export function formatRoundMoney(amount: string | number, currency?: string): string {
  return format(Number(amount), currency, { trailingZeroDisplay: "stripIfInteger" });
}

function format(amount: number, currency: string | undefined, options: Intl.NumberFormatOptions): string {
  try {
    return new Intl.NumberFormat(undefined, { ...options, style: "currency", currency }).format(amount);
  } catch {
    // A bill may contain a currency that `Intl` rejects.
    return `${new Intl.NumberFormat(undefined, { ...options, maximumFractionDigits: 2 }).format(amount)} ${currency ?? ""}`.trim();
  }
}
