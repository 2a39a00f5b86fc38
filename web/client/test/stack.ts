/**
 * A real stack for tests and benchmarks, including the console's: `longhaul up` on free ports with its own data
 * folder, from the binary in `LONGHAUL_BIN` or in this source tree's target folder; and a proxy that can drop its
 * connections.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** The root of the source tree: the nearest parent folder with the template, because bundling moves this file. */
const root = (() => {
  for (let folder = resolve("."); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "cloudformation/template.yaml"))) return folder;
    if (folder === dirname(folder)) throw new Error("Run this inside Longhaul's source tree.");
  }
})();
const binary = process.env.LONGHAUL_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/longhaul");

/** Whether there is a `longhaul` binary to test. */
export const isBuilt = existsSync(binary);

/** A running stack. */
export class Stack {
  private constructor(
    private process: ChildProcess,
    private readonly data: string,
    private readonly options: readonly string[],
    /** Ports of the gateway and of the AWS endpoint on 127.0.0.1. */
    readonly port: number,
    readonly awsPort: number,
  ) {}

  /** Starts a new stack with these options of `longhaul up`. Resolves when it is ready. */
  static async start(...options: string[]): Promise<Stack> {
    const data = mkdtempSync(join(tmpdir(), "longhaul-web-"));
    try {
      const { process, ports } = await launch(data, { WebSocket: 0, AWS: 0 }, options);
      return new Stack(process, data, options, ports.WebSocket, ports.AWS);
    } catch (error) {
      rmSync(data, { recursive: true, force: true });
      throw error;
    }
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** A token for this user that expires after `seconds`. */
  token(user: string, seconds = 3600): string {
    const args = ["token", "--user", user, "--seconds", String(seconds), "--data", this.data];
    return execFileSync(binary, args, { cwd: root, encoding: "utf8" }).trim();
  }

  /** Publishes on a topic, or with `userId` to a user, as a back end would. */
  async publish(message: { topic?: string; userId?: string; type: string; data?: object }): Promise<void> {
    const arn = "arn:aws:sns:us-east-1:000000000000:longhaul-publish";
    const credential = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sns/aws4_request, SignedHeaders=host;x-amz-date, Signature=0";
    const response = await fetch(`http://127.0.0.1:${this.awsPort}/`, {
      method: "POST",
      headers: { authorization: credential, "x-amz-date": "20260101T000000Z" },
      body: new URLSearchParams({ Action: "Publish", Version: "2010-03-31", TopicArn: arn, Message: JSON.stringify(message) }),
    });
    if (!response.ok) throw new Error(`Publishing failed: ${await response.text()}`);
  }

  /** Kills the worker that makes the next write to DynamoDB, after that write. Resolves when it is dead. */
  async killWorker(): Promise<void> {
    const kill = { service: "dynamodb", operation: "UpdateItem", caller: "longhaul-worker", number: 1, effect: { kill: "after" } };
    const faults = (init?: RequestInit) => fetch(`http://127.0.0.1:${this.awsPort}/_local/faults`, init);
    await faults({ method: "POST", body: JSON.stringify({ rules: [kill] }) });
    while (((await (await faults()).json()) as { kills: number }).kills === 0);
    await faults({ method: "DELETE" });
  }

  /** Starts a new run of a failed job, without its checkpoints, as an operator does. */
  async replay(jobId: string): Promise<void> {
    const retry = spawn(binary, ["jobs", "retry", jobId, "--from-start", "--data", this.data], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
    const code = await new Promise((done) => retry.once("exit", done));
    if (code !== 0) throw new Error(`The replay ended with ${code}; see its output above.`);
  }

  /** Stops it by SIGTERM, so that it hands its jobs over, and starts it again on the same ports. */
  async restart(): Promise<void> {
    await this.terminate();
    ({ process: this.process } = await launch(this.data, { WebSocket: this.port, AWS: this.awsPort }, this.options));
  }

  async stop(): Promise<void> {
    await this.terminate();
    rmSync(this.data, { recursive: true, force: true });
  }

  private async terminate(): Promise<void> {
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGTERM");
    await ended;
  }
}

interface Ports {
  WebSocket: number;
  AWS: number;
}

/** Runs `longhaul up` on these ports; 0 for any free one. Resolves when it is ready. */
async function launch(data: string, wanted: Ports, options: readonly string[]): Promise<{ process: ChildProcess; ports: Ports }> {
  const up = ["up", "--port", String(wanted.WebSocket), "--aws-port", String(wanted.AWS), "--data", data, ...options];
  const process = spawn(binary, up, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const ports: Record<string, number> = {};
  for await (const line of createInterface({ input: process.stdout })) {
    const [, name, port] = /^(\w+) +\w+:\/\/[^:]+:(\d+)/.exec(line) ?? [];
    if (name) ports[name] = Number(port);
    if (line === "READY") return { process, ports: { WebSocket: ports.WebSocket!, AWS: ports.AWS! } };
  }
  throw new Error("The stack did not start; see its output above.");
}

/** A TCP proxy that can drop its open connections. Later connections are forwarded again. */
export class CuttableProxy {
  /** Number of connections that were ever opened. */
  opened = 0;
  private readonly open = new Set<Socket>();
  private server!: Server;

  /** Forwards to `port` on 127.0.0.1. Resolves to the proxy's own port. */
  async start(port: number): Promise<number> {
    this.server = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      this.opened++;
      for (const [end, other] of [[near, far], [far, near]] as const) {
        this.open.add(end);
        end.pipe(other);
        end.on("error", () => other.destroy());
        end.on("close", () => this.open.delete(end));
      }
    });
    await new Promise<void>((ready) => this.server.listen(0, "127.0.0.1", ready));
    return (this.server.address() as { port: number }).port;
  }

  /** Delivers nothing more on the open connections, without closing them, as a network that has vanished. */
  freezeConnections(): void {
    for (const end of this.open) end.unpipe().pause();
  }

  dropConnections(): void {
    for (const end of this.open) end.destroy();
  }

  close(): void {
    this.dropConnections();
    this.server.close();
  }
}
