/**
 * An identity provider with a hosted page: authorization code with PKCE, single-use codes, rotating refresh tokens. It
 * signs in every visitor as its one user. It issues development tokens; other tests cover a provider's own tokens.
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { token } from "./consoleFixture";

export class IdentityProvider {
  /** Lifetime of a token in seconds. */
  tokenLifetime = 3600;
  /** The issuer of the discovery document; by default the provider's URL. */
  issuer?: string;
  /** The parameters of the last sign-out. */
  signedOut?: URLSearchParams;
  private readonly codes = new Map<string, { challenge: string; redirect: string }>();
  private readonly refreshTokens = new Set<string>();
  private server!: Server;

  constructor(
    readonly user: string,
    readonly clientId = "console",
  ) {}

  async start(): Promise<string> {
    this.server = createServer(async (request, response) => {
      const url = new URL(request.url!, "http://provider");
      response.setHeader("access-control-allow-origin", "*");
      if (url.pathname === "/.well-known/openid-configuration") {
        response.end(JSON.stringify(this.discoveryDocument()));
      } else if (["/oauth2/authorize", "/connect/authorize"].includes(url.pathname)) {
        response.writeHead(302, { location: this.authorize(url.searchParams) }).end();
      } else if (["/oauth2/token", "/connect/token"].includes(url.pathname)) {
        let body = "";
        for await (const part of request) body += part;
        const tokens = this.exchange(new URLSearchParams(body));
        response.writeHead(tokens ? 200 : 400).end(JSON.stringify(tokens ?? { error: "invalid_grant" }));
      } else {
        this.signedOut = url.searchParams;
        response.end("Signed out.");
      }
    });
    await new Promise<void>((ready) => this.server.listen(0, "127.0.0.1", ready));
    return this.url;
  }

  private get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Other paths than Cognito's, so that a client has to read them here. */
  private discoveryDocument(): object {
    const endpoints = { authorization_endpoint: `${this.url}/connect/authorize`, token_endpoint: `${this.url}/connect/token`, end_session_endpoint: `${this.url}/connect/logout` };
    return { issuer: this.issuer ?? this.url, ...endpoints, code_challenge_methods_supported: ["S256"] };
  }

  /** Revokes all refresh tokens, as an administrator would. */
  revoke(): void {
    this.refreshTokens.clear();
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private authorize(params: URLSearchParams): string {
    const isValid = params.get("response_type") === "code" && params.get("client_id") === this.clientId && params.get("code_challenge_method") === "S256";
    if (!isValid) throw new Error(`Unexpected authorization request: ${params}`);
    const [code, redirect] = [randomUUID(), params.get("redirect_uri")!];
    this.codes.set(code, { challenge: params.get("code_challenge")!, redirect });
    return `${redirect}?${new URLSearchParams({ code, state: params.get("state")! })}`;
  }

  private exchange(grant: URLSearchParams): object | undefined {
    if (grant.get("client_id") !== this.clientId) return undefined;
    const refresh = grant.get("refresh_token") ?? "";
    if (!this.redeem(grant) && !this.refreshTokens.delete(refresh)) return undefined;
    const refresh_token = randomUUID();
    this.refreshTokens.add(refresh_token);
    const id_token = token(`id-of-${this.user}`);
    return { access_token: token(this.user, this.tokenLifetime), id_token, refresh_token, expires_in: this.tokenLifetime, token_type: "Bearer" };
  }

  private redeem(grant: URLSearchParams): boolean {
    const issued = this.codes.get(grant.get("code") ?? "");
    this.codes.delete(grant.get("code") ?? "");
    const challenge = createHash("sha256").update(grant.get("code_verifier") ?? "").digest("base64url");
    return issued !== undefined && issued.challenge === challenge && issued.redirect === grant.get("redirect_uri");
  }
}
