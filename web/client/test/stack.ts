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
    private readonly process: ChildProcess,
    private readonly data: string,
    /** Ports of the gateway and of the AWS endpoint on 127.0.0.1. */
    readonly port: number,
    readonly awsPort: number,
  ) {}

  /** Starts a new stack with these options of `longhaul up`. Resolves when it is ready. */
  static async start(...options: string[]): Promise<Stack> {
    const data = mkdtempSync(join(tmpdir(), "longhaul-web-"));
    const up = ["up", "--port", "0", "--aws-port", "0", "--data", data, ...options];
    const process = spawn(binary, up, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    const ports: Record<string, number> = {};
    for await (const line of createInterface({ input: process.stdout })) {
      const [, name, port] = /^(\w+) +\w+:\/\/[^:]+:(\d+)/.exec(line) ?? [];
      if (name) ports[name] = Number(port);
      if (line === "READY") return new Stack(process, data, ports.WebSocket!, ports.AWS!);
    }
    rmSync(data, { recursive: true, force: true });
    throw new Error("The stack did not start; see its output above.");
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

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGTERM");
    await ended;
    rmSync(this.data, { recursive: true, force: true });
  }
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
