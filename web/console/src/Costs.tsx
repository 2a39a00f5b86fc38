/** The cost analysis of a finops result: charts and a card for each recommendation. */
import type { FinopsResult, Recommendation } from "longhaul-client";
import { Suspense, useMemo } from "react";
import { chartSpecs } from "./chartSpec";
import { ErrorBoundary } from "./ErrorBoundary";
import { formatMoney } from "./formatMoney";
import { CostChart } from "./lazyAnswer";
import { resourceName } from "./textPieces";
import { Unbroken } from "./Unbroken";

export function Costs({ analysis }: { analysis: FinopsResult["cost_analysis"] }) {
  const specs = useMemo(() => chartSpecs(analysis), [analysis]);
  const period = analysis.period ? `${analysis.period.start} to ${analysis.period.end} (end date not included)` : "";
  return specs.map((spec, index) => (
    <figure key={index} className="costs">
      <figcaption>
        <strong>{spec.title}</strong>
        {[spec.currency || "no currency", period, analysis.sample === true && "sample bill"].filter(Boolean).join(" · ")}
      </figcaption>
      <ErrorBoundary content="The chart">
        <Suspense fallback={<div className="chart" />}>
          <CostChart spec={spec} />
        </Suspense>
      </ErrorBoundary>
    </figure>
  ));
}

/** What the amount of a recommendation means, by its kind. A saving is good news; a spike is not. */
const AMOUNTS: Record<string, { label: string; tone: string }> = {
  idle_resource: { label: "could be saved", tone: "saving" },
  spike: { label: "more than usual", tone: "excess" },
};

export function Recommendations({ recommendations }: { recommendations: Recommendation[] }) {
  if (!recommendations.length) return null;
  return (
    <section aria-labelledby="recommendations">
      <h2 id="recommendations">Recommendations</h2>
      <ul className="cards">
        {recommendations.map(({ title, detail, kind, amount, currency, evidence }, index) => {
          const meaning = AMOUNTS[kind ?? ""] ?? { label: "", tone: "" };
          return (
            <li key={index} className="card">
              <h3>
                <Unbroken text={title} />
              </h3>
              {amount !== undefined && (
                <p className={`amount ${meaning.tone}`}>
                  <strong>{formatMoney(amount, currency)}</strong> {meaning.label}
                </p>
              )}
              <p>
                <Unbroken text={detail} />
              </p>
              {evidence && evidence.length > 0 && <Evidence rows={evidence} />}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** The rows as a table; a resource by its name, with its ARN on hover. */
function Evidence({ rows }: { rows: Record<string, unknown>[] }) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const text = (value: unknown) => (value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));
  return (
    <details>
      <summary>Evidence</summary>
      <div className="scroller" tabIndex={0}>
        <table className="evidence">
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr key={index}>
                {columns.map((column) => (
                  <td key={column} title={text(row[column])}>
                    {resourceName(text(row[column]))}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** The answer without the section that repeats the recommendations, which are shown below it. */
export function withoutRecommendations(answer: string, recommendations: Recommendation[]): string {
  const start = answer.lastIndexOf("\n**What stands out**\n");
  const items = answer.slice(start).split("\n").filter((line) => line.startsWith("- "));
  const isRepeated = start >= 0 && items.length > 0 && items.every((item) => recommendations.some(({ title }) => item.startsWith(`- **${title}`)));
  return isRepeated ? answer.slice(0, start).trimEnd() : answer;
}
