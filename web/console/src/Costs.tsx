/** The cost analysis of a finops result: a chart for each currency and a card for each recommendation. */
import type { CostSection, FinopsResult, Recommendation } from "longhaul-client";
import { Suspense } from "react";
import { ErrorBoundary } from "./ErrorBoundary";
import { formatMoney } from "./formatMoney";
import { CostChart } from "./lazyComponents";

export function Costs({ analysis }: { analysis: FinopsResult["cost_analysis"] }) {
  const groupedBy = analysis.groupedBy?.replace("tag:", "") ?? "group";
  const period = analysis.period ? `${analysis.period.start} to ${analysis.period.end} (end date not included)` : "";
  // A single bar would only repeat the answer's sentence.
  const sections = [analysis as CostSection, ...(analysis.otherCurrencies ?? [])].filter((section) => (section.groups?.length ?? 0) > 1);
  return sections.map((section, index) => (
    <figure key={index} className="costs">
      <figcaption>
        {[`Cost by ${groupedBy}`, section.currency || "no currency", period, analysis.sample === true && "sample bill"].filter(Boolean).join(", ")}
      </figcaption>
      <ErrorBoundary content="The chart">
        <Suspense fallback={<div className="chart" />}>
          <CostChart section={section} groupedBy={groupedBy} />
        </Suspense>
      </ErrorBoundary>
    </figure>
  ));
}

/** What the amount of a recommendation means, by its kind. */
const AMOUNT_LABELS: Record<string, string> = {
  idle_resource: "could be saved",
  spike: "more than usual",
};

export function Recommendations({ recommendations }: { recommendations: Recommendation[] }) {
  if (!recommendations.length) return null;
  return (
    <section aria-labelledby="recommendations">
      <h2 id="recommendations">Recommendations</h2>
      <ul className="cards">
        {recommendations.map(({ title, detail, kind, amount, currency, evidence }, index) => (
          <li key={index} className="card">
            <h3>{title}</h3>
            {amount !== undefined && (
              <p className="saving">
                <strong>{formatMoney(amount, currency)}</strong> {AMOUNT_LABELS[kind ?? ""]}
              </p>
            )}
            <p>{detail}</p>
            {evidence && evidence.length > 0 && (
              <details>
                <summary>Evidence</summary>
                <ul className="evidence">
                  {evidence.map((row, index) => (
                    <li key={index}>{formatEvidence(row)}</li>
                  ))}
                </ul>
              </details>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** All fields of a row of evidence in one line. */
function formatEvidence(row: Record<string, unknown>): string {
  return Object.entries(row)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(", ");
}
