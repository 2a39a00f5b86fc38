/**
 * One currency's costs as bars, by Chart.js: days and months from left to right, anything else the largest first.
 * The exact figures are the answer's table's business; here they are for the eye, and so plain numbers.
 */
import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from "chart.js";
import type { CostSection } from "longhaul-client";
import { useEffect, useRef } from "react";
import { money, roundMoney } from "./formatMoney";

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

/** Bars that can be told apart on a phone; the others are one bar. */
const BARS = 20;
const DARK = matchMedia("(prefers-color-scheme: dark)");

export function CostChart({ section, by }: { section: CostSection; by: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const inTime = by === "day" || by === "month";
  const bars = inTime ? timeline(section) : largest(section);
  useEffect(() => {
    let chart = draw(canvas.current!, bars, section.currency, inTime);
    const redraw = () => {
      chart.destroy();
      chart = draw(canvas.current!, bars, section.currency, inTime);
    };
    DARK.addEventListener("change", redraw);
    return () => {
      DARK.removeEventListener("change", redraw);
      chart.destroy();
    };
  }, [section, by]);
  const top = bars.reduce((top, bar) => (bar.amount > top.amount ? bar : top));
  return (
    <div className="chart" style={{ height: inTime ? 260 : 48 + 30 * bars.length }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Bar chart of ${bars.length} bars; the highest is ${top.key} with ${money(top.amount, section.currency)}. The answer's table has every figure.`}
      />
    </div>
  );
}

interface Bar {
  key: string;
  amount: number;
}

function timeline({ groups = [] }: CostSection): Bar[] {
  return groups.map(({ key, amount }) => ({ key, amount: Number(amount) })).sort((a, b) => a.key.localeCompare(b.key));
}

function largest({ groups = [], others }: CostSection): Bar[] {
  const bars = groups.map(({ key, amount }) => ({ key, amount: Number(amount) })).sort((a, b) => b.amount - a.amount);
  const [shown, left] = [bars.slice(0, BARS), bars.slice(BARS)];
  const count = left.length + (others?.groups ?? 0);
  const rest = left.reduce((sum, bar) => sum + bar.amount, Number(others?.amount ?? 0));
  return count > 0 ? [...shown, { key: `${count} others`, amount: rest }] : shown;
}

function draw(canvas: HTMLCanvasElement, bars: Bar[], currency: string | undefined, inTime: boolean): Chart {
  const [text, line, accent] = ["--text", "--line", "--accent"].map((name) => paint(canvas, name));
  const amounts = { ticks: { color: text, maxTicksLimit: 6, autoSkip: true, autoSkipPadding: 16, maxRotation: 0, callback: (value: string | number) => roundMoney(value, currency) }, grid: { color: line }, beginAtZero: true };
  const names = {
    ticks: {
      color: text,
      autoSkip: inTime,
      maxRotation: 0,
      callback(_: unknown, at: number) {
        const key = bars[at]!.key;
        return key.length > 24 ? `${key.slice(0, 23)}…` : key;
      },
    },
    grid: { display: false },
  };
  return new Chart(canvas, {
    type: "bar",
    data: { labels: bars.map((bar) => bar.key), datasets: [{ data: bars.map((bar) => bar.amount), backgroundColor: accent, maxBarThickness: 36 }] },
    options: {
      indexAxis: inTime ? "x" : "y",
      animation: false,
      maintainAspectRatio: false,
      scales: inTime ? { x: names, y: amounts } : { x: amounts, y: names },
      plugins: { tooltip: { callbacks: { label: (item) => money(Number(item.raw), currency) } } },
    },
  });
}

/** A colour of the style sheet as it is in the light of now: canvases can't resolve it. */
function paint(canvas: HTMLCanvasElement, name: string): string {
  canvas.style.color = `var(${name})`;
  return getComputedStyle(canvas).color;
}
