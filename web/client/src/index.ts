/** The public API of the package `longhaul-client`. */
export { connect, type ConnectOptions, type JobFilter, type Longhaul, type QueryOptions } from "./client.js";
export type { Environment, Socket, SocketConstructor, State, StateChange, Timing } from "./options.js";
export { LonghaulError } from "./error.js";
export type { Job } from "./job.js";
export * from "./protocol.js";
export { initial, isBehind, isOver, type JobState, reduce, type Status } from "./reduce.js";
export { type Saved, type Store, webStore } from "./store.js";
