/** Tests of the console's pure modules, which need neither a browser nor a stack. */
import { expect, test } from "@playwright/test";
import { chartSpecs } from "../src/chartSpec";
import { orderConnections, searchConnections } from "../src/connectionOrder";
import { formatAge, formatDuration } from "../src/formatDuration";
import { snippetsOf } from "../src/querySnippets";
import { parseRoute } from "../src/routes";
import { resourceName, splitText } from "../src/textPieces";
import { hasValue, readClaims } from "../src/tokenClaims";

const march = { start: "2026-03-01", end: "2026-04-01", total: "150" };
const february = { start: "2026-02-01", end: "2026-03-01", total: "100" };
const analysis = (question: string, data: object, more: object = {}) => ({ currency: "USD", groupedBy: "service", groups: [{ key: "S3", amount: "1" }, { key: "EC2", amount: "2" }], question, [question]: data, ...more });

test("each question has the chart that answers it", () => {
  const types = (value: ReturnType<typeof analysis>) => chartSpecs(value).map(({ type }) => type);
  expect(types(analysis("breakdown", {}))).toEqual(["bars"]);
  expect(types(analysis("breakdown", {}, { groupedBy: "day" }))).toEqual(["line"]);
  expect(types(analysis("comparison", { before: february, after: march, groups: [{ key: "S3", before: "1", after: "2" }] }))).toEqual(["pairs"]);
  expect(types(analysis("trend", { unit: "month", points: [{ key: "2026-02", amount: "1" }, { key: "2026-03", amount: "2" }] }))).toEqual(["line"]);
  expect(types(analysis("forecast", { ...march, expected: "5", low: "4", high: "6", intervalPercent: 80 }))).toEqual(["band"]);
  expect(types(analysis("why", { before: february, after: march, change: "50", parts: [{ key: "S3", change: "50" }] }))).toEqual(["waterfall"]);
  // No chart of something else: a unit cost is one number.
  expect(types(analysis("unitCost", { unitCost: "0.085" }))).toEqual([]);
  expect(types(analysis("forecast", { expected: null }))).toEqual([]);
});

test("a waterfall leads from the first total to the last, with the rest as a step", () => {
  const parts = [{ key: "EC2", change: "60" }, { key: "S3", change: "-20" }];
  const [spec] = chartSpecs(analysis("why", { before: february, after: march, change: "50", parts }));
  expect(spec!.labels).toEqual(["2026-02", "EC2", "S3", "All others", "2026-03"]);
  expect(spec!.series[0]!.values).toEqual([[0, 100], [100, 160], [160, 140], [140, 150], [0, 150]]);
});

test("an unusual day is marked, and a month above the budget", () => {
  const groups = Array.from({ length: 10 }, (_, day) => ({ key: `2026-03-1${day}`, amount: day === 4 ? "900" : String(100 + day) }));
  expect(chartSpecs(analysis("breakdown", {}, { groupedBy: "day", groups }))[0]!.series[0]!.marked).toEqual([4]);
  const months = [{ key: "2026-02", spent: "90", within: true }, { key: "2026-03", spent: "110", within: false }];
  const [budget] = chartSpecs(analysis("budget", { budget: "100", months }));
  expect(budget!.series.map(({ marked, values }) => [marked, values])).toEqual([[[1], [90, 110]], [undefined, [100, 100]]]);
});

test("dates, amounts and resources are found in a text", () => {
  expect(splitText("31 days to 2026-05-31 cost 1,234.50 USD, -4.04 % of all").filter((_, index) => index % 2)).toEqual(["2026-05-31", "1,234.50 USD", "-4.04 %"]);
  expect(resourceName("arn:aws:ec2:eu-west-1:100000000044:elastic-ip/eipalloc-1 looks idle")).toBe("eipalloc-1 looks idle");
  expect(resourceName("arn:aws:sns:us-east-1:1:topic")).toBe("topic");
});

test("durations and ages have units", () => {
  expect([0, 85, 999, 1000, 4230, 59_999, 60_000, 185_000, 7_800_000, 90_000_000].map(formatDuration)).toEqual(["0 s", "85 ms", "999 ms", "1 s", "4.2 s", "59.9 s", "1 min", "3 min 5 s", "2 h 10 min", "1 d 1 h"]);
  expect([-5000, 400, 12_000, 300_000, 7_200_000, 400_000_000].map(formatAge)).toEqual(["now", "now", "12 s ago", "5 min ago", "2 h ago", "4 d ago"]);
});

test("an address has its page, or none", () => {
  expect(parseRoute("/")).toEqual({ page: "ask" });
  expect(parseRoute("/jobs/")).toEqual({ page: "jobs" });
  expect(parseRoute("/jobs/a%20b")).toEqual({ page: "job", id: "a b" });
  expect(parseRoute("/operate/letters")).toEqual({ page: "operations", path: "/operate/letters" });
  for (const path of ["/jobs/%E0%A4%A", "/nothing", "/operate/nothing", "/jobs/1/2", "/constructor"]) expect(parseRoute(path)).toEqual({ page: "notFound" });
});

test("connections are ordered with live ones first, and found by every word", () => {
  const connection = (userId: string, status: "CONNECTED" | "DISCONNECTED", lastActivity: string) => ({ connectionId: userId, userId, status, lastActivity, connectedAt: lastActivity, ipAddress: "127.0.0.1" });
  const all = [connection("b", "DISCONNECTED", "3"), connection("a", "CONNECTED", "1"), connection("c", "CONNECTED", "2")];
  const users = (list: typeof all | ReturnType<typeof orderConnections>) => list.map(({ userId }) => userId).join("");
  expect(users(orderConnections(all, "-lastActivity"))).toBe("cab");
  expect(users(orderConnections(all, "userId"))).toBe("acb");
  expect(users(orderConnections(all, "-userId"))).toBe("cab");
  expect(users(searchConnections(all, "127.0 b"))).toBe("b");
});

test("a snippet quotes what it is given", () => {
  const [typescript, react, cli, socket] = snippetsOf({ query: `what's "up"?`, kind: "noop", params: { steps: 2 } }, "wss://api").map(({ code }) => code);
  expect(typescript).toContain(`longhaul.query("noop", "what's \\"up\\"?", { params: {"steps":2} })`);
  expect(react).toContain(`submit("what's \\"up\\"?")`);
  expect(cli).toBe(`longhaul ask --kind noop --params '{"steps":2}' 'what'\\''s "up"?'`);
  expect(JSON.parse(socket!.split("> ")[1]!)).toEqual({ action: "query", kind: "noop", query: `what's "up"?`, params: { steps: 2 } });
});

test("a claim is found by name or pointer, and an opaque token is explained", () => {
  expect(hasValue({ "cognito:groups": ["admin"] }, "cognito:groups", "admin")).toBe(true);
  expect(hasValue({ realm_access: { roles: ["ops"] } }, "/realm_access/roles", "ops")).toBe(true);
  expect(hasValue({ scope: "openid ops" }, "scope", "ops")).toBe(true);
  expect(hasValue({ scope: "openid devops" }, "scope", "ops")).toBe(false);
  expect(hasValue({}, "/a/b", "ops")).toBe(false);
  expect(() => readClaims("opaque")).toThrow(/not a JSON Web Token/);
});
