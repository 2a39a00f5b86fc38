/** The entry point for React: the provider of the client, and the hooks for jobs. Chat and topics are entries of their own. */
"use client";
export { LonghaulProvider, type LonghaulProviderProps, useLonghaul } from "./reactClient.js";
export { type JobCallbacks, useJob, type UsedJob, type UseJobOptions } from "./reactJob.js";
export { type JobEvents, useJobEvents } from "./reactJobEvents.js";
export { type JobList, useJobs, type UseJobsOptions } from "./reactJobs.js";
export { type QueryJob, type SubmitOptions, useQueryJob, type UseQueryJobOptions } from "./reactQueryJob.js";
