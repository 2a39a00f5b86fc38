/** The pieces of a text that are displayed in a way of their own: ARNs, and dates and amounts, which must not be broken. Pure. */

/** An ARN; a date or month; a number with its unit: `1,234.50 USD`, `12.5 %`. */
const PIECES = /(\barn:[\w-]*:[^\s"]+|\b\d{4}-\d{2}(?:-\d{2})?\b|[-+]?\b\d[\d,.]{0,24} (?:[A-Z]{3}\b|%))/;

/** The text in pieces: those at odd positions are ARNs, dates or amounts. */
export function splitText(text: string): string[] {
  return text.split(PIECES);
}

/** The text with each ARN replaced by the name in it: what stands after the last slash or colon. */
export function resourceName(text: string): string {
  return text.replace(/\barn:[\w-]*:[^\s"]+/g, (arn) => arn.replace(/…$/, "").split(/[/:]/).at(-1) || arn);
}
