/** The frame around every page: who is signed in, how the connection is, and which page it is. */
import { connect, type Longhaul } from "longhaul-client";
import { LonghaulProvider } from "longhaul-client/react";
import { Suspense, useEffect, useState } from "react";
import { Ask } from "./AskPage";
import { Boundary } from "./ErrorBoundary";
import { ConnectionState } from "./ConnectionStatus";
import { JobById } from "./JobPage";
import { Jobs } from "./MyJobs";
import { Operate } from "./lazyComponents";
import { Link, useAddress } from "./router";
import { type Session, SessionContext } from "./session";
import { type Start, start } from "./signIn";
import { SignIn } from "./SignInPage";

export function App() {
  const [began, setBegan] = useState<Start>();
  const [failure, setFailure] = useState("");
  useEffect(() => void start().then(setBegan, (error: Error) => setFailure(error.message)), []);
  if (failure) {
    return (
      <main>
        <p role="alert">The console could not start: {failure}</p>
        <button onClick={() => location.reload()}>Load the page again</button>
      </main>
    );
  }
  if (!began) return null;
  const { config, session, refusal } = began;
  if (!session) return <SignIn config={config} refusal={refusal} signedIn={(session) => setBegan({ config, session })} />;
  return <SignedIn url={config.url} session={session} left={(refusal) => setBegan({ config, refusal })} />;
}

const GATEWAY = import.meta.env.DEV ? "http://localhost:3001" : location.origin;

function SignedIn({ url = GATEWAY, session, left }: { url?: string; session: Session; left: (why?: string) => void }) {
  const [longhaul, setLonghaul] = useState<Longhaul>();
  /** Why there is no token just now. */
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    const token = () =>
      session.token().then(
        (token) => {
          setTrouble("");
          return token;
        },
        (error: Error) => {
          setTrouble(error.message);
          throw error;
        },
      );
    session.onLapsed = () => left("Your sign-in has ended. Sign in again: your jobs go on meanwhile.");
    const longhaul = connect({ url, token });
    setLonghaul(longhaul);
    return () => {
      setLonghaul(undefined);
      longhaul.close();
    };
    // `left` is another function with each rendering, and means the same.
  }, [url, session]);
  if (!longhaul) return null;
  return (
    <LonghaulProvider value={longhaul}>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header>
        <strong>Longhaul</strong>
        <nav aria-label="Pages">
          <Link to="/">Ask</Link>
          <Link to="/jobs">Jobs</Link>
          {session.isAdmin && <Link to="/operate">Operate</Link>}
        </nav>
        <ConnectionState trouble={trouble} />
        <button
          className="quiet"
          onClick={() => {
            session.end();
            left();
          }}
        >
          Sign out {session.user}
        </button>
      </header>
      <main id="content">
        <SessionContext value={session}>
          <Page />
        </SessionContext>
      </main>
    </LonghaulProvider>
  );
}

function Page() {
  const address = useAddress();
  const path = address.split("?")[0]!;
  const job = /^\/jobs\/([^/]+)$/.exec(path)?.[1];
  return (
    <Boundary key={address} what="This page">
      {job ? (
        <JobById id={decodeURIComponent(job)} />
      ) : path === "/jobs" ? (
        <Jobs />
      ) : path.startsWith("/operate") ? (
        <Suspense fallback={null}>
          <Operate path={path} />
        </Suspense>
      ) : (
        <Ask />
      )}
    </Boundary>
  );
}
