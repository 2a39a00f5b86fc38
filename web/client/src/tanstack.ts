/** Options for TanStack Query, of any framework: a job as a query, which is cached and shared, or as a mutation. */
import type { Longhaul, QueryOptions } from "./client.js";
import type { LonghaulError } from "./error.js";
import type { JobState } from "./reduce.js";
import type { ResultOf } from "./protocol.js";

export interface JobQueryOptions extends Omit<QueryOptions, "signal"> {
  /** Called with each change of the job, for example to show its progress. */
  onChange?: (state: JobState<any>) => void;
}

/**
 * For `useQuery`: the result of a job. The key of the cache is that of the job, so components that ask the same share one
 * job; it is fetched once and stays fresh. The job keeps running when the component unmounts.
 */
export function jobQuery<K extends string>(longhaul: Longhaul, kind: K, text: string, options: JobQueryOptions = {}) {
  const { onChange, ...rest } = options;
  return {
    queryKey: ["longhaul", kind, text, rest] as const,
    queryFn: (): Promise<ResultOf<K>> => submit(longhaul, kind, text, options),
    staleTime: Infinity,
    retry: isWorthRetrying,
  };
}

/** For `useMutation`: `mutate(text)` submits a job, and `data` is its result. */
export function jobMutation<K extends string>(longhaul: Longhaul, kind: K, options: JobQueryOptions = {}) {
  return {
    mutationKey: ["longhaul", kind] as const,
    mutationFn: (text: string): Promise<ResultOf<K>> => submit(longhaul, kind, text, options),
    retry: false as const,
  };
}

/** For `useQuery`: the result of a job that was submitted elsewhere. */
export function followQuery<R = unknown>(longhaul: Longhaul, jobId: string, options: Pick<JobQueryOptions, "onChange"> = {}) {
  return {
    queryKey: ["longhaul", jobId] as const,
    queryFn: (): Promise<R> => {
      const job = longhaul.follow<R>(jobId);
      return options.onChange ? job.finally(job.onChange(() => options.onChange!(job.state))) : job;
    },
    staleTime: Infinity,
    retry: isWorthRetrying,
  };
}

function submit<K extends string>(longhaul: Longhaul, kind: K, text: string, { onChange, ...options }: JobQueryOptions): Promise<ResultOf<K>> {
  const job = longhaul.query(kind, text, options);
  return onChange ? job.finally(job.onChange(() => onChange(job.state))) : job;
}

/** The client itself repeats what may succeed later. A failed job runs again only if its error says so. */
function isWorthRetrying(failures: number, error: unknown): boolean {
  return failures < 3 && (error as LonghaulError).retryable === true;
}
