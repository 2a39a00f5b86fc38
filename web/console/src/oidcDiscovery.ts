/** Finds the endpoints of an identity provider: by OpenID Connect Discovery 1.0, or at the paths of Amazon Cognito's domains. */

/** The identity provider, from `config.json`. */
export interface OidcProvider {
  /** The issuer, exactly as in its tokens. The endpoints are read from `<issuer>/.well-known/openid-configuration`. */
  issuer?: string;
  /** Without `issuer`: the domain of an Amazon Cognito user pool, such as `https://example.auth.eu-central-1.amazoncognito.com`. */
  domain?: string;
  /** Client id of a public client, which has no secret. Its callback and sign-out URLs must contain `<origin>/`. */
  clientId: string;
  /** Default `openid`. Many providers issue refresh tokens only with `offline_access`. */
  scope?: string;
  /** More parameters of the request, such as `{"audience": "https://api.example.com"}` for Auth0. */
  parameters?: Record<string, string>;
  /** The token that the API receives. Default `access`. */
  token?: "access" | "id";
  /** The claim that makes an admin, by name or JSON pointer, and its value: as the stack's `AdminClaim` and `AdminValue`. */
  adminClaim?: string;
  adminValue?: string;
}

export interface Endpoints {
  authorization: string;
  token: string;
  /** Missing if the provider has no page to sign out. */
  endSession?: string;
}

let found: { provider: OidcProvider; endpoints: Promise<Endpoints> } | undefined;

/** The endpoints. Read once per page load, unless that fails. */
export function findEndpoints(provider: OidcProvider): Promise<Endpoints> {
  if (found?.provider !== provider) {
    const endpoints = provider.issuer ? discover(provider.issuer) : Promise.resolve(cognitoEndpoints(provider));
    found = { provider, endpoints };
    endpoints.catch(() => (found = undefined));
  }
  return found!.endpoints;
}

async function discover(issuer: string): Promise<Endpoints> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const response = await fetch(url).catch((error: Error) => {
    throw new Error(`The identity provider can't be reached at ${url}: ${error.message}`);
  });
  if (!response.ok) throw new Error(`The identity provider's configuration can't be read at ${url} (HTTP ${response.status}).`);
  const document = (await response.json()) as Record<string, unknown>;
  if (document.issuer !== issuer) throw new Error(`The identity provider says that it is "${document.issuer}"; config.json has the issuer "${issuer}".`);
  const methods = document.code_challenge_methods_supported;
  if (Array.isArray(methods) && !methods.includes("S256")) throw new Error("The identity provider does not support PKCE with S256.");
  return {
    authorization: endpoint(document, "authorization_endpoint"),
    token: endpoint(document, "token_endpoint"),
    endSession: document.end_session_endpoint === undefined ? undefined : endpoint(document, "end_session_endpoint"),
  };
}

/** A URL of the document. Only a provider on this machine may be without TLS. */
function endpoint(document: Record<string, unknown>, name: string): string {
  const url = typeof document[name] === "string" && URL.canParse(document[name]) ? new URL(document[name]) : undefined;
  const isLocal = url?.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (!url || (url.protocol !== "https:" && !isLocal)) throw new Error(`The identity provider's ${name} is not an https URL.`);
  return url.href;
}

function cognitoEndpoints({ domain }: OidcProvider): Endpoints {
  if (!domain) throw new Error('config.json has neither "issuer" nor "domain" in "signIn".');
  return { authorization: `${domain}/oauth2/authorize`, token: `${domain}/oauth2/token`, endSession: `${domain}/logout` };
}
