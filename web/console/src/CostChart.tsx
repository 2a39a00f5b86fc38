/**
 * A bar chart of the costs in one currency, drawn by Chart.js: days and months in order of time, other groups by
 * amount. Amounts are rounded to floating point here; the exact ones are in the answer's table.
 */
import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from "chart.js";
import type { CostSection } from "longhaul-client";
import { useEffect, useRef } from "react";
import { formatMoney, formatRoundMoney } from "./formatMoney";

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

/** Maximum number of bars that stay legible on a phone. The remaining groups share one more bar. */
const MAX_BARS = 20;
const DARK_MODE = matchMedia("(prefers-color-scheme: dark)");

export function CostChart({ section, groupedBy }: { section: CostSection; groupedBy: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isTimeSeries = groupedBy === "day" || groupedBy === "month";
  const bars = isTimeSeries ? inTimeOrder(section) : largestFirst(section);
  useEffect(() => {
    let chart = drawChart(canvas.current!, bars, section.currency, isTimeSeries);
    const redraw = () => {
      chart.destroy();
      chart = drawChart(canvas.current!, bars, section.currency, isTimeSeries);
    };
    DARK_MODE.addEventListener("change", redraw);
    return () => {
      DARK_MODE.removeEventListener("change", redraw);
      chart.destroy();
    };
  }, [section, groupedBy]);
  const highest = bars.reduce((highest, bar) => (bar.amount > highest.amount ? bar : highest));
  return (
    <div className="chart" style={{ height: isTimeSeries ? 260 : 48 + 30 * bars.length }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Bar chart with ${bars.length} bars. Highest: ${highest.key}, ${formatMoney(highest.amount, section.currency)}. The table in the answer lists every amount.`}
      />
    </div>
  );
}

interface Bar {
  key: string;
  amount: number;
}

function inTimeOrder({ groups = [] }: CostSection): Bar[] {
  return groups.map(({ key, amount }) => ({ key, amount: Number(amount) })).sort((a, b) => a.key.localeCompare(b.key));
}

function largestFirst({ groups = [], others }: CostSection): Bar[] {
  const bars = groups.map(({ key, amount }) => ({ key, amount: Number(amount) })).sort((a, b) => b.amount - a.amount);
  const [visible, remaining] = [bars.slice(0, MAX_BARS), bars.slice(MAX_BARS)];
  const count = remaining.length + (others?.groups ?? 0);
  const sum = remaining.reduce((sum, bar) => sum + bar.amount, Number(others?.amount ?? 0));
  return count > 0 ? [...visible, { key: `${count} others`, amount: sum }] : visible;
}

function drawChart(canvas: HTMLCanvasElement, bars: Bar[], currency: string | undefined, isTimeSeries: boolean): Chart {
  const [text, line, accent] = ["--text", "--line", "--accent"].map((name) => resolveColor(canvas, name));
  const amountAxis = { ticks: { color: text, maxTicksLimit: 6, autoSkip: true, autoSkipPadding: 16, maxRotation: 0, callback: (value: string | number) => formatRoundMoney(value, currency) }, grid: { color: line }, beginAtZero: true };
  const groupAxis = {
    ticks: {
      color: text,
      autoSkip: isTimeSeries,
      maxRotation: 0,
      callback(_: unknown, index: number) {
        const key = bars[index]!.key;
        return key.length > 24 ? `${key.slice(0, 23)}…` : key;
      },
    },
    grid: { display: false },
  };
  return new Chart(canvas, {
    type: "bar",
    data: { labels: bars.map((bar) => bar.key), datasets: [{ data: bars.map((bar) => bar.amount), backgroundColor: accent, maxBarThickness: 36 }] },
    options: {
      indexAxis: isTimeSeries ? "x" : "y",
      animation: false,
      maintainAspectRatio: false,
      scales: isTimeSeries ? { x: groupAxis, y: amountAxis } : { x: amountAxis, y: groupAxis },
      plugins: { tooltip: { callbacks: { label: (item) => formatMoney(Number(item.raw), currency) } } },
    },
  });
}

/** The current value of a colour variable of the style sheet. A canvas cannot resolve `light-dark()` itself. */
function resolveColor(canvas: HTMLCanvasElement, name: string): string {
  canvas.style.color = `var(${name})`;
  return getComputedStyle(canvas).color;
}
