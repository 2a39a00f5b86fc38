/** The frame of every page: navigation, connection status, sign-out, and the page that the address selects. */
import { connect, type Longhaul } from "longhaul-client";
import { LonghaulProvider } from "longhaul-client/react";
import { Suspense, useEffect, useState } from "react";
import { AskPage } from "./AskPage";
import { ConfirmDialog } from "./confirm";
import { ConnectionStatus } from "./ConnectionStatus";
import { saveDraft } from "./draft";
import { ErrorBoundary } from "./ErrorBoundary";
import { JobPage, MyJobs, Operations, preloadPages, Shortcuts } from "./lazyPages";
import { Logo } from "./Logo";
import { NotFoundPage } from "./NotFoundPage";
import { Link, navigate, usePath, useVisit } from "./router";
import { parseRoute } from "./routes";
import { ApiUrlContext, type Session, SessionContext } from "./session";
import { startUp, type Startup } from "./signIn";
import { SignInPage } from "./SignInPage";
import { switchTheme, useTheme } from "./theme";
import { showNotice, Toasts } from "./toasts";

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
  // Like the page before the scripts have loaded.
  if (!startup) return <header><strong>Longhaul</strong></header>;
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
    longhaul.on("frame", ({ type, seq, content }) => {
      // A frame of this type with a number is about a job.
      if (type === "system" && seq === undefined) showNotice(String(content));
    });
    return () => {
      setLonghaul(undefined);
      longhaul.close();
    };
    // `onSignOut` is a new function with each render but does the same, so it is no dependency.
  }, [url, session]);
  useEffect(preloadPages, []);
  if (!longhaul) return null;
  return (
    <LonghaulProvider value={longhaul}>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header>
        <Logo />
        <nav aria-label="Main">
          <Link to="/">Ask</Link>
          <Link to="/jobs" marksSection>
            My jobs
          </Link>
          {session.isAdmin && (
            <Link to="/operate" marksSection>
              Operations
            </Link>
          )}
        </nav>
        <ConnectionStatus tokenError={tokenError} />
        <ThemeButton />
        <button
          className="secondary quiet"
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
          <ApiUrlContext value={url.replace(/^http/, "ws")}>
            <CurrentPage />
          </ApiUrlContext>
        </SessionContext>
      </main>
      <Toasts />
      <ConfirmDialog />
      <Suspense fallback={null}>
        <Shortcuts />
      </Suspense>
    </LonghaulProvider>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const symbol = { system: "◐", light: "☀", dark: "☾" }[theme];
  return (
    <button className="icon" title={`Colours: ${theme}`} aria-label={`Colours: ${theme}`} onClick={switchTheme}>
      {symbol}
    </button>
  );
}

function CurrentPage() {
  const path = usePath();
  // Each navigation starts its page afresh, also one to the same address.
  return (
    <ErrorBoundary key={`${path} ${useVisit()}`} content="This page">
      <Suspense fallback={null}>
        <PageOf path={path} />
      </Suspense>
    </ErrorBoundary>
  );
}

function PageOf({ path }: { path: string }) {
  const route = parseRoute(path);
  switch (route.page) {
    case "ask":
      return <AskPage />;
    case "jobs":
      return <MyJobs />;
    case "job":
      return <JobPage id={route.id} />;
    case "operations":
      return <Operations path={route.path} />;
    case "notFound":
      return <NotFoundPage />;
  }
}
