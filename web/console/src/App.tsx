/** The frame of every page: navigation, connection status, sign-out, and the page that the address selects. */
import { connect, type Longhaul } from "longhaul-client";
import { LonghaulProvider } from "longhaul-client/react";
import { Suspense, useEffect, useState } from "react";
import { AskPage } from "./AskPage";
import { ConnectionStatus } from "./ConnectionStatus";
import { saveDraft } from "./draft";
import { ErrorBoundary } from "./ErrorBoundary";
import { JobPage } from "./JobPage";
import { Operations } from "./lazyComponents";
import { MyJobs } from "./MyJobs";
import { Link, navigate, useAddress } from "./router";
import { type Session, SessionContext } from "./session";
import { startUp, type Startup } from "./signIn";
import { SignInPage } from "./SignInPage";

export function App() {
  const [startup, setStartup] = useState<Startup>();
  const [failure, setFailure] = useState("");
  useEffect(() => void startUp().then(setStartup, (error: Error) => setFailure(error.message)), []);
  if (failure) {
    return (
      <main>
        <p role="alert">The console could not start. {failure}</p>
        <button onClick={() => location.reload()}>Reload page</button>
      </main>
    );
  }
  if (!startup) return null;
  const { config, session, signInError } = startup;
  if (!session) return <SignInPage config={config} initialError={signInError} onSignIn={(session) => setStartup({ config, session })} />;
  return <SignedIn url={config.url} session={session} onSignOut={(signInError) => setStartup({ config, signInError })} />;
}

const DEFAULT_URL = import.meta.env.DEV ? "http://localhost:3001" : location.origin;

function SignedIn({ url = DEFAULT_URL, session, onSignOut }: { url?: string; session: Session; onSignOut: (reason?: string) => void }) {
  const [longhaul, setLonghaul] = useState<Longhaul>();
  /** Why the last request for a token failed; empty if it succeeded. */
  const [tokenError, setTokenError] = useState("");
  useEffect(() => {
    const token = () =>
      session.token().then(
        (token) => {
          setTokenError("");
          return token;
        },
        (error: Error) => {
          setTokenError(error.message);
          throw error;
        },
      );
    session.onExpired = () => onSignOut("Your session has expired. Sign in again; your jobs keep running.");
    const longhaul = connect({ url, token });
    setLonghaul(longhaul);
    return () => {
      setLonghaul(undefined);
      longhaul.close();
    };
    // `onSignOut` is a new function with each render but does the same, so it is no dependency.
  }, [url, session]);
  if (!longhaul) return null;
  return (
    <LonghaulProvider value={longhaul}>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header>
        <strong>Longhaul</strong>
        <nav aria-label="Main">
          <Link to="/">Ask</Link>
          <Link to="/jobs">My jobs</Link>
          {session.isAdmin && <Link to="/operate">Operations</Link>}
        </nav>
        <ConnectionStatus tokenError={tokenError} />
        <button
          className="secondary"
          onClick={() => {
            // Nothing of this user stays for the next one. Jobs keep running.
            void longhaul.forget();
            saveDraft(session.user, "");
            navigate("/");
            session.end();
            onSignOut();
          }}
        >
          Sign out ({session.user})
        </button>
      </header>
      <main id="content">
        <SessionContext value={session}>
          <CurrentPage />
        </SessionContext>
      </main>
    </LonghaulProvider>
  );
}

function CurrentPage() {
  const address = useAddress();
  const path = address.split("?")[0]!;
  const jobId = /^\/jobs\/([^/]+)$/.exec(path)?.[1];
  return (
    <ErrorBoundary key={address} content="This page">
      {jobId ? (
        <JobPage id={decodeURIComponent(jobId)} />
      ) : path === "/jobs" ? (
        <MyJobs />
      ) : path.startsWith("/operate") ? (
        <Suspense fallback={null}>
          <Operations path={path} />
        </Suspense>
      ) : (
        <AskPage />
      )}
    </ErrorBoundary>
  );
}
