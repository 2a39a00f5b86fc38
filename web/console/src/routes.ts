/** The pages of the console and their addresses. Pure. */

export const OPERATIONS_SECTIONS = { "/operate": "All jobs", "/operate/letters": "Dead-letter queue", "/operate/connections": "Connections" } as const;
export type OperationsPath = keyof typeof OPERATIONS_SECTIONS;

export type Route =
  | { page: "ask" }
  | { page: "jobs" }
  | { page: "job"; id: string }
  | { page: "operations"; path: OperationsPath }
  | { page: "notFound" };

/** The page of a path such as `/jobs/<id>`, with or without a slash at its end. */
export function parseRoute(path: string): Route {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed === "") return { page: "ask" };
  if (trimmed === "/jobs") return { page: "jobs" };
  if (Object.hasOwn(OPERATIONS_SECTIONS, trimmed)) return { page: "operations", path: trimmed as OperationsPath };
  const id = decode(/^\/jobs\/([^/]+)$/.exec(trimmed)?.[1] ?? "");
  return id ? { page: "job", id } : { page: "notFound" };
}

/** The decoded part of a path. Empty if it is malformed, such as `%E0%A4%A`. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}
