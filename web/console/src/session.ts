/** The signed-in user, as the pages see it. */
import { createContext } from "react";

export interface Session {
  /** As it is shown. */
  user: string;
  /** Whether the token says so; what that allows, the server decides. */
  isAdmin: boolean;
  /** A token that is good for a while; rejects with a sentence. */
  token(): Promise<string>;
  /** Signs out here, and where the hosted page remembers it. */
  end(): void;
  /** Called when no more tokens are to be had without signing in again. */
  onLapsed?: () => void;
}

/** Who is signed in, for the components below. */
export const SessionContext = createContext<Session | undefined>(undefined);
