// Shared by the front end and the worker.

export const QUEUE = "analyses";
export const connection = { host: "127.0.0.1", port: Number(process.env.REDIS_PORT), maxRetriesPerRequest: null };
