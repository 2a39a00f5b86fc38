/** The page for users who are not signed in. */
import { useState } from "react";
import { Logo } from "./Logo";
import type { Session } from "./session";
import { type Config, redirectToSignIn, signInByName } from "./signIn";

export function SignInPage({ config, initialError, onSignIn }: { config: Config; initialError?: string; onSignIn: (session: Session) => void }) {
  const [error, setError] = useState(initialError);
  const showError = (error: Error) => setError(error.message);
  return (
    <main className="sign-in">
      <h1>
        <Logo />
      </h1>
      <p>Long-running jobs that survive dropped connections.</p>
      {config.signIn ? (
        <button
          onClick={() => {
            setError(undefined);
            redirectToSignIn(config.signIn!).catch(showError);
          }}
        >
          Sign in
        </button>
      ) : (
        <form
          onChange={() => setError(undefined)}
          onSubmit={(event) => {
            event.preventDefault();
            const form = new FormData(event.currentTarget);
            signInByName(String(form.get("user")).trim(), form.has("admin")).then(onSignIn, showError);
          }}
        >
          <label>
            User <input name="user" defaultValue="alice" required pattern=".*\S.*" autoComplete="username" />
          </label>
          <label className="check">
            <input name="admin" type="checkbox" /> Sign in as an admin, with access to all users' jobs
          </label>
          <button>Sign in with a development token</button>
        </form>
      )}
      {error && <p role="alert">{error}</p>}
    </main>
  );
}
