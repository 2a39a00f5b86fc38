/** Chooses the chart that answers a question about costs, and its data. Pure. Amounts are rounded to floating point here; the exact ones are in the answer's table. */
import type { CostSection, FinopsResult } from "longhaul-client";
import { resourceName } from "./textPieces";

export interface ChartSpec {
  type: "bars" | "line" | "pairs" | "band" | "waterfall";
  title: string;
  /** What the chart shows, for those who do not see it. */
  description: string;
  currency?: string;
  labels: string[];
  series: Series[];
}

export interface Series {
  name: string;
  values: (number | null | [number, number])[];
  /** Indexes of values that need attention: unusual days, months above the budget. */
  marked?: number[];
  /** A value that the others are compared with, such as a budget. */
  isReference?: boolean;
}

type Analysis = FinopsResult["cost_analysis"];
type Amount = string | null | undefined;

/** Maximum number of bars that stay legible on a phone. The remaining groups share one more bar. */
const MAX_BARS = 20;

/** The charts of an answer, one for each currency. Empty where a chart would only repeat the answer's sentence, or show something else. */
export function chartSpecs(analysis: Analysis): ChartSpec[] {
  const { question = "breakdown", currency } = analysis as { question?: string; currency?: string };
  if (question === "breakdown") return [analysis, ...(analysis.otherCurrencies ?? [])].flatMap((section) => breakdown(section, analysis.groupedBy ?? "group") ?? []);
  const make = FAMILIES[question];
  const data = analysis[question];
  if (!make || !data) return [];
  const spec = make(data, analysis);
  return spec ? [{ currency, ...spec }] : [];
}

const FAMILIES: Record<string, (data: any, analysis: Analysis) => ChartSpec | undefined> = {
  comparison({ before, after, groups }: { before: Dated; after: Dated; groups: { key: string; before: Amount; after: Amount }[] }) {
    if (!groups?.length) return undefined;
    const shown = groups.slice(0, MAX_BARS / 2);
    return {
      type: "pairs",
      title: `${periodName(before)} and ${periodName(after)}`,
      description: `Pairs of bars for ${shown.length} groups: before and after.`,
      labels: shown.map(({ key }) => key),
      series: [
        { name: periodName(before), values: shown.map((group) => toNumber(group.before)), isReference: true },
        { name: periodName(after), values: shown.map((group) => toNumber(group.after)) },
      ],
    };
  },

  trend({ points, unit }: { points: { key: string; amount: Amount }[]; unit: string }) {
    if (!(points?.length > 1)) return undefined;
    return { type: "line", title: `Cost by ${unit}`, description: lineDescription(points), labels: points.map(({ key }) => key), series: [{ name: "Cost", values: points.map(({ amount }) => toNumber(amount)) }] };
  },

  forecast({ expected, low, high, intervalPercent, start, end }: Record<string, string>) {
    if (low === undefined || high === undefined) return undefined;
    return {
      type: "band",
      title: `Forecast of ${periodName({ start: start!, end: end! })}`,
      description: `Expected, and the interval that has ${intervalPercent} % of all cases.`,
      labels: ["Expected"],
      series: [
        { name: `${intervalPercent} % interval`, values: [[toNumber(low), toNumber(high)]], isReference: true },
        { name: "Expected", values: [toNumber(expected)] },
      ],
    };
  },

  why({ before, after, parts, change }: { before: Dated; after: Dated; parts: { key: string; change: Amount }[]; change: Amount }) {
    if (!parts?.length) return undefined;
    const first = toNumber(before.total);
    const last = toNumber(after.total);
    const steps = parts.map((part) => ({ key: part.key, change: toNumber(part.change) }));
    const rest = toNumber(change) - steps.reduce((sum, step) => sum + step.change, 0);
    if (Math.abs(rest) >= 0.01) steps.push({ key: "All others", change: rest });
    let level = first;
    const ranges = steps.map((step): [number, number] => [level, (level += step.change)]);
    return {
      type: "waterfall",
      title: `From ${periodName(before)} to ${periodName(after)}`,
      description: `A waterfall of ${steps.length} changes. Largest: ${steps[0]!.key}.`,
      labels: [periodName(before), ...steps.map(({ key }) => key), periodName(after)],
      series: [{ name: "Cost", values: [[0, first], ...ranges, [0, last]] }],
    };
  },

  anomalies({ days }: { days: { date: string; service: string; amount: Amount; expected: Amount }[] }) {
    if (!days?.length) return undefined;
    const shown = days.slice(0, MAX_BARS / 2);
    return {
      type: "pairs",
      title: "Unusual days and what was expected",
      description: `Pairs of bars for ${shown.length} unusual days: expected and billed.`,
      labels: shown.map(({ date, service }) => `${date} ${service}`),
      series: [
        { name: "Expected", values: shown.map((day) => toNumber(day.expected)), isReference: true },
        { name: "Billed", values: shown.map((day) => toNumber(day.amount)), marked: shown.map((_, index) => index) },
      ],
    };
  },

  budget({ months, budget }: { months?: { key: string; spent: Amount; within: boolean }[]; budget: Amount }) {
    if (!(months && months.length > 1)) return undefined;
    return {
      type: "line",
      title: "Cost by month, and the budget",
      description: lineDescription(months.map(({ key, spent }) => ({ key, amount: spent }))),
      labels: months.map(({ key }) => key),
      series: [
        { name: "Cost", values: months.map(({ spent }) => toNumber(spent)), marked: months.flatMap(({ within }, index) => (within ? [] : [index])) },
        { name: "Budget", values: months.map(() => toNumber(budget)), isReference: true },
      ],
    };
  },

  coverage({ services }: { services: { service: string; covered: Amount; onDemand: Amount }[] }) {
    if (!services?.length) return undefined;
    return {
      type: "pairs",
      title: "Covered by commitments, and on demand",
      description: `Pairs of bars for ${services.length} services: covered and on demand.`,
      labels: services.map(({ service }) => service),
      series: [
        { name: "Covered", values: services.map(({ covered }) => toNumber(covered)) },
        { name: "On demand", values: services.map(({ onDemand }) => toNumber(onDemand)), isReference: true },
      ],
    };
  },

  savings({ savings }: { savings: { what: string; saving: Amount }[] }) {
    const rows = savings?.slice(0, MAX_BARS) ?? [];
    if (rows.length < 2) return undefined;
    return { type: "bars", title: "Possible savings a month", description: `${rows.length} bars. Largest: ${rows[0]!.what}.`, labels: rows.map(({ what }) => resourceName(what)), series: [{ name: "Saving", values: rows.map(({ saving }) => toNumber(saving)) }] };
  },
};

interface Dated {
  start: string;
  /** Not included. */
  end: string;
  total?: Amount;
}

/** Days and months in order of time as a line, other groups by amount as bars. */
function breakdown(section: CostSection, groupedBy: string): ChartSpec | undefined {
  const groups = section.groups ?? [];
  if (groups.length < 2) return undefined;
  const name = groupedBy.replace("tag:", "");
  const { currency } = section;
  if (groupedBy === "day" || groupedBy === "month") {
    const points = [...groups].sort((a, b) => a.key.localeCompare(b.key));
    const values = points.map(({ amount }) => toNumber(amount));
    return { type: "line", title: `Cost by ${name}`, description: lineDescription(points), currency, labels: points.map(({ key }) => key), series: [{ name: "Cost", values, marked: groupedBy === "day" ? unusual(values) : [] }] };
  }
  const bars = groups.map(({ key, amount }) => ({ key: resourceName(key), amount: toNumber(amount) })).sort((a, b) => b.amount - a.amount);
  const [visible, remaining] = [bars.slice(0, MAX_BARS), bars.slice(MAX_BARS)];
  const count = remaining.length + (section.others?.groups ?? 0);
  const others = remaining.reduce((sum, bar) => sum + bar.amount, toNumber(section.others?.amount));
  const shown = count > 0 ? [...visible, { key: `${count} others`, amount: others }] : visible;
  return { type: "bars", title: `Cost by ${name}`, description: `${shown.length} bars. Highest: ${bars[0]!.key}.`, currency, labels: shown.map(({ key }) => key), series: [{ name: "Cost", values: shown.map(({ amount }) => amount) }] };
}

/** Indexes of days that cost at least twice the median, and more than six median absolute deviations above it. */
function unusual(values: number[]): number[] {
  const middle = median(values);
  const spread = median(values.map((value) => Math.abs(value - middle)));
  return values.flatMap((value, index) => (values.length >= 7 && value >= 2 * middle && value > middle + 6 * spread ? [index] : []));
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function lineDescription(points: { key: string; amount: Amount }[]): string {
  const highest = points.reduce((highest, point) => (toNumber(point.amount) > toNumber(highest.amount) ? point : highest));
  return `A line of ${points.length} points from ${points[0]!.key} to ${points.at(-1)!.key}. Highest: ${highest.key}.`;
}

function toNumber(amount: Amount): number {
  return Number(amount ?? 0);
}

/** A whole month as `2026-05`, other periods by their first and last day. */
function periodName({ start, end }: Dated): string {
  const last = new Date(Date.parse(end) - 86_400_000).toISOString().slice(0, 10);
  const isMonth = start.endsWith("-01") && end.endsWith("-01") && last.slice(0, 7) === start.slice(0, 7);
  return isMonth ? start.slice(0, 7) : `${start} to ${last}`;
}
