/**
 * The parts that are too large for the first paint: they are drawn when they have come, and fetched soon after
 * the page so that they are there when the network is not. It knows nothing of what is in them.
 */
import { lazy } from "react";

const chart = () => import("./CostChart");
const markdown = () => import("./Markdown");

export const Operate = lazy(() => import("./Operations").then(({ Operate }) => ({ default: Operate })));
export const CostChart = lazy(() => chart().then(({ CostChart }) => ({ default: CostChart })));
export const Markdown = lazy(() => markdown().then(({ Markdown }) => ({ default: Markdown })));

export function fetchParts(): void {
  // Whoever draws them says what went wrong.
  Promise.all([markdown(), chart()]).catch(() => {});
}
