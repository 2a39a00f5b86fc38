/** Draws a chart of costs with Chart.js, in the colours of the page. */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartDataset,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from "chart.js";
import { useEffect, useRef } from "react";
import type { ChartSpec, Series } from "./chartSpec";
import { formatMoney, formatRoundMoney } from "./formatMoney";
import { subscribeToColors } from "./theme";

Chart.register(BarController, BarElement, CategoryScale, Legend, LinearScale, LineController, LineElement, PointElement, Tooltip);

export function CostChart({ spec }: { spec: ChartSpec }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let chart = drawChart(canvas.current!, spec);
    const unsubscribe = subscribeToColors(() => {
      chart.destroy();
      chart = drawChart(canvas.current!, spec);
    });
    return () => {
      unsubscribe();
      chart.destroy();
    };
  }, [spec]);
  return (
    <div className="chart" style={{ height: chartHeight(spec) }}>
      <canvas ref={canvas} role="img" aria-label={`${spec.title}. ${spec.description} The answer has every amount.`} />
    </div>
  );
}

function isHorizontal({ type }: ChartSpec): boolean {
  return type !== "line";
}

/** Pixels: a line has a fixed height, bars need a line of text each. */
function chartHeight(spec: ChartSpec): number {
  if (!isHorizontal(spec)) return 260;
  const rows = spec.type === "pairs" ? 44 : 28;
  return 76 + rows * spec.labels.length;
}

interface Colors {
  text: string;
  line: string;
  accent: string;
  reference: string;
  bad: string;
  good: string;
}

function drawChart(canvas: HTMLCanvasElement, spec: ChartSpec): Chart {
  const color = (name: string) => resolveColor(canvas, name);
  const colors: Colors = { text: color("--text"), line: color("--line"), accent: color("--accent"), reference: color("--reference"), bad: color("--bad"), good: color("--good") };
  const { currency, labels, series } = spec;
  const widest = canvas.parentElement!.clientWidth < 500 ? 18 : 48;
  const amountAxis = {
    ticks: { color: colors.text, maxTicksLimit: 6, autoSkip: true, autoSkipPadding: 16, maxRotation: 0, callback: (value: string | number) => formatRoundMoney(value, currency) },
    grid: { color: colors.line },
    beginAtZero: spec.type !== "band",
  };
  const groupAxis = {
    ticks: {
      color: colors.text,
      autoSkip: !isHorizontal(spec),
      maxRotation: 0,
      callback(_: unknown, index: number) {
        const label = labels[index]!;
        return label.length > widest ? `${label.slice(0, widest - 1)}…` : label;
      },
    },
    grid: { display: false },
  };
  const describe = (value: unknown) => (Array.isArray(value) ? (spec.type === "band" ? `${formatMoney(value[0], currency)} to ${formatMoney(value[1], currency)}` : formatMoney(value[1] - value[0], currency)) : formatMoney(Number(value), currency));
  return new Chart(canvas, {
    type: "bar",
    data: { labels, datasets: series.map((series) => dataset(spec, series, colors)) },
    options: {
      indexAxis: isHorizontal(spec) ? "y" : "x",
      animation: false,
      maintainAspectRatio: false,
      scales: isHorizontal(spec) ? { x: amountAxis, y: groupAxis } : { x: groupAxis, y: amountAxis },
      plugins: {
        legend: { display: series.length > 1, labels: { color: colors.text, boxWidth: 14 }, position: "bottom" },
        tooltip: { callbacks: { title: ([item]) => labels[item!.dataIndex]!, label: (item) => `${item.dataset.label}: ${describe(item.raw)}` } },
      },
    },
  }) as Chart;
}

/** A series as bars or a line. What is marked has the colour of errors. */
function dataset(spec: ChartSpec, series: Series, colors: Colors): ChartDataset<any, any> {
  const { name: label, values: data, marked = [], isReference } = series;
  const color = isReference ? colors.reference : colors.accent;
  const each = data.map((_, index) => (marked.includes(index) ? colors.bad : color));
  if (spec.type === "line") {
    return { type: "line", label, data, borderColor: color, borderWidth: 2, borderDash: isReference ? [6, 4] : [], pointRadius: data.map((_, index) => (marked.includes(index) ? 6 : isReference ? 0 : 2)), pointBackgroundColor: each, pointBorderColor: each };
  }
  if (spec.type === "waterfall") {
    const last = data.length - 1;
    const step = ([from, to]: [number, number]) => (to > from ? colors.bad : colors.good);
    return { label, data, backgroundColor: data.map((range, index) => (index === 0 || index === last ? colors.reference : step(range as [number, number]))), maxBarThickness: 28 };
  }
  if (spec.type === "band") {
    const expected = data as (number | [number, number])[];
    // The expected amount is a mark within the band.
    const width = Math.abs((spec.series[0]!.values[0] as [number, number])[1] - (spec.series[0]!.values[0] as [number, number])[0]) / 100;
    return { label, data: expected.map((value) => (typeof value === "number" ? [value - width, value + width] : value)), backgroundColor: color, grouped: false, barThickness: isReference ? 28 : 40, order: isReference ? 2 : 1 };
  }
  return { label, data, backgroundColor: each, maxBarThickness: spec.type === "pairs" ? 16 : 24 };
}

/** The current value of a colour variable of the style sheet. A canvas cannot resolve `light-dark()` itself. */
function resolveColor(canvas: HTMLCanvasElement, name: string): string {
  canvas.style.color = `var(${name})`;
  return getComputedStyle(canvas).color;
}
