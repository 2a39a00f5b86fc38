/** The page of who is not signed in. It knows the two ways in, and no connection. */
import { useState } from "react";
import * as oidc from "./oidc";
import type { Session } from "./session";
import { type Config, signInByName } from "./signIn";

export function SignIn({ config, refusal, signedIn }: { config: Config; refusal?: string; signedIn: (session: Session) => void }) {
  const [failure, setFailure] = useState(refusal);
  const failed = (error: Error) => setFailure(error.message);
  return (
    <main className="sign-in">
      <h1>Longhaul</h1>
      <p>Long-running questions, with nothing lost.</p>
      {config.signIn ? (
        <button onClick={() => oidc.signIn(config.signIn!).catch(failed)}>Sign in</button>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const form = new FormData(event.currentTarget);
            signInByName(String(form.get("user")).trim(), form.has("admin")).then(signedIn, failed);
          }}
        >
          <label>
            User <input name="user" defaultValue="alice" required pattern=".*\S.*" autoComplete="username" />
          </label>
          <label>
            <input name="admin" type="checkbox" /> as an admin, who looks after the jobs of all
          </label>
          <button>Sign in with a development token</button>
        </form>
      )}
      <p role="alert">{failure}</p>
    </main>
  );
}
