/** The types of the pinned reducer, only those that the tests use. */
export interface JobState {
  readonly status: string;
  readonly applied: number;
  readonly head: number;
}
export function initial(after?: number): JobState;
export function isBehind(state: JobState): boolean;
export function reduce(state: JobState, frame: object): JobState;
