/** What a cost analysis says, for the eye: a chart for each currency, and a card for each recommendation. */
import type { CostSection, FinopsResult, Recommendation } from "longhaul-client";
import { Suspense } from "react";
import { Boundary } from "./ErrorBoundary";
import { money } from "./formatMoney";
import { CostChart } from "./lazyComponents";

export function Costs({ of }: { of: FinopsResult["cost_analysis"] }) {
  const by = of.groupedBy?.replace("tag:", "") ?? "group";
  const period = of.period ? `from ${of.period.start} up to ${of.period.end}` : "";
  // One bar would say what the sentence says.
  const drawn = [of as CostSection, ...(of.otherCurrencies ?? [])].filter((section) => (section.groups?.length ?? 0) > 1);
  return drawn.map((section, at) => (
    <figure key={at} className="costs">
      <figcaption>
        Cost by {by}, {section.currency || "without currency"}, {period}
        {of.sample === true && " (sample bill)"}
      </figcaption>
      <Boundary what="The chart">
        <Suspense fallback={<div className="chart" />}>
          <CostChart section={section} by={by} />
        </Suspense>
      </Boundary>
    </figure>
  ));
}

/** What the amount of a recommendation is, by its kind. */
const SAVINGS: Record<string, string> = {
  idle_resource: "could be saved",
  spike: "above the usual",
};

export function Recommendations({ of }: { of: Recommendation[] }) {
  if (!of.length) return null;
  return (
    <section aria-labelledby="recommendations">
      <h2 id="recommendations">Recommendations</h2>
      <ul className="cards">
        {of.map(({ title, detail, kind, amount, currency, evidence }, at) => (
          <li key={at} className="card">
            <h3>{title}</h3>
            {amount !== undefined && (
              <p className="saving">
                <strong>{money(amount, currency)}</strong> {SAVINGS[kind ?? ""]}
              </p>
            )}
            <p>{detail}</p>
            {evidence && evidence.length > 0 && (
              <details>
                <summary>Evidence</summary>
                <ul className="evidence">
                  {evidence.map((row, at) => (
                    <li key={at}>{spoken(row)}</li>
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

/** A row of evidence, whatever it has. */
function spoken(row: Record<string, unknown>): string {
  return Object.entries(row)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(", ");
}
