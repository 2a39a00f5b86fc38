/**
 * Tests that a new user's app works: each starter is created from the packed package, type-checked and built, served, and
 * used in a browser against a real stack. Skipped without a `longhaul` binary or without Chromium. Needs the npm registry.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CuttableProxy, isBuilt, Stack } from "./stack.js";

const MINUTES = 60_000;
const executablePath = process.env.CHROMIUM ?? findChromium();
const apps = {
  vite: { port: await freePort(), serve: (port: number) => ["vite", "preview", "--port", `${port}`, "--strictPort"] },
  next: { port: await freePort(), serve: (port: number) => ["next", "start", "--port", `${port}`] },
};

function findChromium(): string | undefined {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      // The next name.
    }
  }
  return undefined;
}

/** A port that was free a moment ago. The stack has to know the page's origin before the page is served. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

/** A component that makes a client while it renders, on a page that the server renders for each request. */
const LEAKY_PAGE = {
  "page.tsx": `import { Leaky } from "./Leaky";\nexport const dynamic = "force-dynamic";\nexport default () => <Leaky />;\n`,
  "Leaky.tsx": `"use client";
import { connect } from "longhaul-client";
import { LonghaulProvider, useLonghaul } from "longhaul-client/react";
import { useState } from "react";
const Status = () => <p>{useLonghaul().connection.state}</p>;
export function Leaky() {
  const [longhaul] = useState(() => connect({ url: process.env.LONGHAUL_URL!, token: "a.b.c" }));
  return <LonghaulProvider value={longhaul}><Status /></LonghaulProvider>;
}
`,
};

describe.skipIf(!isBuilt || !executablePath)("an app from a starter", () => {
  const folder = mkdtempSync(join(tmpdir(), "longhaul-starters-"));
  const servers: ChildProcess[] = [];
  const proxy = new CuttableProxy();
  let stack: Stack;
  let browser: Browser;
  let url: string;
  let tarball: string;

  beforeAll(async () => {
    execFileSync("npm", ["run", "--silent", "build"]);
    tarball = join(folder, execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], { encoding: "utf8" }).trim());
    stack = await Stack.start(...Object.values(apps).flatMap(({ port }) => ["--origin", `http://localhost:${port}`]));
    url = `http://localhost:${await proxy.start(stack.port)}`;
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  }, 3 * MINUTES);
  afterAll(async () => {
    for (const server of servers) server.kill("SIGTERM");
    await browser?.close();
    proxy.close();
    await stack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Creates the app, lets `change` edit it, builds it and serves it. Returns its origin. */
  async function serve(name: keyof typeof apps, change: (app: string) => void = () => {}): Promise<string> {
    const app = join(folder, name);
    const env = { ...process.env, LONGHAUL_URL: url, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: undefined };
    execFileSync("npx", ["--yes", "--package", tarball, "create-longhaul-app", name, app], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    change(app);
    execFileSync("npm", ["run", "--silent", "build"], { cwd: app, env, stdio: ["ignore", "ignore", "inherit"] });
    const { port, serve } = apps[name];
    const [command, ...args] = serve(port);
    servers.push(spawn(join(app, "node_modules/.bin", command!), args, { cwd: app, env, stdio: "ignore" }));
    const origin = `http://localhost:${port}`;
    await expect.poll(() => fetch(origin).then(({ ok }) => ok, () => false), { timeout: MINUTES }).toBe(true);
    return origin;
  }

  /** Asks the page's question and reads the answer, with the connection dropped in between. */
  async function use(origin: string): Promise<void> {
    const page = await browser.newPage();
    page.setDefaultTimeout(2 * MINUTES);
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(origin);
    await page.getByText("open", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Ask" }).click();
    proxy.dropConnections();
    await page.locator("pre").getByText(/USD/).waitFor();
    // A dropped socket is an error to the browser's console, not to the page.
    expect(errors.filter((error) => !/WebSocket|favicon|404/.test(error))).toEqual([]);
    await page.close();
  }

  it("of Vite answers a question", async () => {
    await use(await serve("vite"));
  }, 5 * MINUTES);

  it("of Next answers a question, and its server opens no connection for a page that it renders", async () => {
    const origin = await serve("next", (app) => {
      mkdirSync(join(app, "app/leaky"));
      for (const [name, text] of Object.entries(LEAKY_PAGE)) writeFileSync(join(app, "app/leaky", name), text);
    });
    const { opened } = proxy;
    for (let n = 0; n < 5; n++) expect(await (await fetch(`${origin}/leaky`)).text()).toContain("<p>connecting</p>");
    expect(proxy.opened).toBe(opened);
    await use(origin);
  }, 8 * MINUTES);

  it("finds the types of every entry point, as Node resolves them too, and nothing else in the package", () => {
    const app = join(folder, "vite");
    const entries = ["", "/chat", "/topics", "/react", "/react/chat", "/react/topics", "/tanstack", "/svelte"];
    writeFileSync(join(app, "entries.mts"), entries.map((entry, at) => `import * as e${at} from "longhaul-client${entry}";\nconsole.log(e${at});\n`).join(""));
    const options = ["--ignoreConfig", "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "", "entries.mts"];
    execFileSync(join(app, "node_modules/.bin/tsc"), options, { cwd: app, stdio: ["ignore", "inherit", "inherit"] });
    expect(readdirSync(join(app, "node_modules/longhaul-client")).sort()).toEqual(["LICENSE", "README.md", "dist", "package.json", "starters"]);
  });
});
