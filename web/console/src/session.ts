/** The session of the signed-in user, and the API that it is connected to. */
import { createContext } from "react";

export interface Session {
  /** Display name of the user. */
  user: string;
  /** Whether the token claims admin rights. Only decides what is shown; the server checks each request. */
  isAdmin: boolean;
  /** A currently valid token. Rejects with an error whose message can be shown. */
  token(): Promise<string>;
  /** Signs out here, and at the identity provider if there is one. */
  end(): void;
  /** Called when no token can be obtained without a new sign-in. */
  onExpired?: () => void;
}

/** The session, for the components below. */
export const SessionContext = createContext<Session | undefined>(undefined);

/** The URL of the WebSocket API, for the components below. */
export const ApiUrlContext = createContext("");
