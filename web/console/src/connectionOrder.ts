/** The order and the search of the list of connections. Pure. */
import type { ConnectionInfo } from "./adminApi";

export const CONNECTION_COLUMNS = { userId: "User", status: "Status", ipAddress: "Address", userAgent: "Client", connectedAt: "Opened", lastActivity: "Last active" } as const;
export type ConnectionColumn = keyof typeof CONNECTION_COLUMNS;

/** `-` before a column's name sorts downwards. */
export type ConnectionSort = ConnectionColumn | `-${ConnectionColumn}`;

/** Live connections come first in every order; within them and the others, the latest activity decides ties. */
export function orderConnections(connections: readonly ConnectionInfo[], sort: ConnectionSort): ConnectionInfo[] {
  const column = sort.replace("-", "") as ConnectionColumn;
  const sign = sort.startsWith("-") ? -1 : 1;
  const isClosed = ({ status }: ConnectionInfo) => Number(status !== "CONNECTED");
  const compare = (a: ConnectionInfo, b: ConnectionInfo) => sign * (a[column] ?? "").localeCompare(b[column] ?? "", undefined, { numeric: true });
  return [...connections].sort((a, b) => isClosed(a) - isClosed(b) || compare(a, b) || b.lastActivity.localeCompare(a.lastActivity));
}

/** The connections that contain every word of the text in their user, address, client or id. */
export function searchConnections(connections: readonly ConnectionInfo[], text: string): ConnectionInfo[] {
  const terms = text.toLowerCase().split(/\s+/);
  return connections.filter(({ userId, ipAddress, userAgent, connectionId }) => {
    const haystack = `${userId ?? "not signed in"} ${ipAddress ?? ""} ${userAgent ?? ""} ${connectionId}`.toLowerCase();
    return terms.every((term) => haystack.includes(term));
  });
}

/** The browser and system of a user agent in a few words, or its first product. */
export function clientName(userAgent: string | undefined): string {
  if (!userAgent) return "";
  const browser = [["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]].find(([part]) => userAgent.includes(part!))?.[1];
  const system = [["Android", "Android"], ["iPhone", "iPhone"], ["Mac OS", "macOS"], ["Windows", "Windows"], ["Linux", "Linux"]].find(([part]) => userAgent.includes(part!))?.[1];
  return browser ? [browser, system && `on ${system}`].filter(Boolean).join(" ") : userAgent.split(" ")[0]!;
}
