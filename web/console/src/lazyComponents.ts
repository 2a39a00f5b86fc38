/**
 * Components that are too large for the first paint and are loaded on demand. They are also preloaded after the page
 * has loaded, so that they are available when the network is not.
 */
import { lazy } from "react";

const importChart = () => import("./CostChart");
const importMarkdown = () => import("./Markdown");

export const Operations = lazy(() => import("./Operations").then(({ Operations }) => ({ default: Operations })));
export const CostChart = lazy(() => importChart().then(({ CostChart }) => ({ default: CostChart })));
export const Markdown = lazy(() => importMarkdown().then(({ Markdown }) => ({ default: Markdown })));

/** Loads the components of job pages in the background. */
export function preloadComponents(): void {
  // An error is reported when the component is rendered.
  Promise.all([importMarkdown(), importChart()]).catch(() => {});
}
