/** Pages that are loaded when they are shown, to keep the first paint small. */
import { lazy } from "react";
import { ignoreErrors } from "./lazyAnswer";

const importMyJobs = () => import("./MyJobs");
const importJobPage = () => import("./JobPage");

export const MyJobs = lazy(() => importMyJobs().then(({ MyJobs }) => ({ default: MyJobs })));
export const JobPage = lazy(() => importJobPage().then(({ JobPage }) => ({ default: JobPage })));
export const JobDetails = lazy(() => importJobPage().then(({ JobDetails }) => ({ default: JobDetails })));
export const Operations = lazy(() => import("./Operations").then(({ Operations }) => ({ default: Operations })));
export const Shortcuts = lazy(() => import("./Shortcuts").then(({ Shortcuts }) => ({ default: Shortcuts })));

/** Loads the user's pages in the background, so that a question can be asked and the jobs listed without a network. */
export function preloadPages(): void {
  ignoreErrors(importJobPage());
  ignoreErrors(importMyJobs());
}
