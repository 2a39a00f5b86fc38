/** The large parts of an answer, loaded where there is one: the Markdown renderer with its sanitizer, and the charts. */
import { lazy } from "react";

const importMarkdown = () => import("./Markdown");
const importChart = () => import("./CostChart");

export const Markdown = lazy(() => importMarkdown().then(({ Markdown }) => ({ default: Markdown })));
export const CostChart = lazy(() => importChart().then(({ CostChart }) => ({ default: CostChart })));

/** Loads in the background what a job of this kind will show, so that its answer can be shown when the network is lost. */
export function preloadAnswer(kind: string): void {
  ignoreErrors(importMarkdown());
  if (kind === "finops") ignoreErrors(importChart());
}

/** The error is reported when the component is rendered. */
export function ignoreErrors(loading: Promise<unknown>): void {
  loading.catch(() => {});
}
