/**
 * An identity provider's hosted page as a client meets it: authorization code with PKCE, single-use codes, rotating
 * refresh tokens. Whoever comes is its one user. Its tokens are development tokens, as what the stack makes of
 * a provider's own tokens is tested elsewhere.
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { token } from "./consoleFixture";

export class Provider {
  /** Seconds that a token is good for. */
  life = 3600;
  private readonly codes = new Map<string, { challenge: string; redirect: string }>();
  private readonly refreshes = new Set<string>();
  private server!: Server;

  constructor(
    readonly user: string,
    readonly clientId = "console",
  ) {}

  async start(): Promise<string> {
    this.server = createServer(async (asked, answer) => {
      const url = new URL(asked.url!, "http://provider");
      answer.setHeader("access-control-allow-origin", "*");
      if (url.pathname === "/oauth2/authorize") {
        answer.writeHead(302, { location: this.authorize(url.searchParams) }).end();
      } else if (url.pathname === "/oauth2/token") {
        let body = "";
        for await (const part of asked) body += part;
        const tokens = this.exchange(new URLSearchParams(body));
        answer.writeHead(tokens ? 200 : 400).end(JSON.stringify(tokens ?? { error: "invalid_grant" }));
      } else {
        answer.end("Signed out.");
      }
    });
    await new Promise<void>((ready) => this.server.listen(0, "127.0.0.1", ready));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends every sign-in, as an administrator would. */
  revoke(): void {
    this.refreshes.clear();
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private authorize(asked: URLSearchParams): string {
    const isRight = asked.get("response_type") === "code" && asked.get("client_id") === this.clientId && asked.get("code_challenge_method") === "S256";
    if (!isRight) throw new Error(`The hosted page was asked for something else: ${asked}`);
    const [code, redirect] = [randomUUID(), asked.get("redirect_uri")!];
    this.codes.set(code, { challenge: asked.get("code_challenge")!, redirect });
    return `${redirect}?${new URLSearchParams({ code, state: asked.get("state")! })}`;
  }

  private exchange(grant: URLSearchParams): object | undefined {
    if (grant.get("client_id") !== this.clientId) return undefined;
    const refresh = grant.get("refresh_token") ?? "";
    if (!this.redeem(grant) && !this.refreshes.delete(refresh)) return undefined;
    const refresh_token = randomUUID();
    this.refreshes.add(refresh_token);
    return { access_token: token(this.user, this.life), refresh_token, expires_in: this.life, token_type: "Bearer" };
  }

  private redeem(grant: URLSearchParams): boolean {
    const begun = this.codes.get(grant.get("code") ?? "");
    this.codes.delete(grant.get("code") ?? "");
    const challenge = createHash("sha256").update(grant.get("code_verifier") ?? "").digest("base64url");
    return begun !== undefined && begun.challenge === challenge && begun.redirect === grant.get("redirect_uri");
  }
}
