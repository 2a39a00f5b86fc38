/** The frame around every page: who is signed in, how the connection is, and which page it is. */
import type { Longhaul } from "longhaul-client";
import { LonghaulProvider, useLonghaul } from "longhaul-client/react";
import { useEffect, useState } from "react";
import { Ask } from "./Ask";
import { JobById } from "./JobPage";
import { Jobs } from "./Jobs";
import { Link, usePath } from "./route";
import { developmentToken, rememberedUser, signIn, signOut } from "./session";

export function App() {
  const [user, setUser] = useState(rememberedUser);
  const [longhaul, setLonghaul] = useState<Longhaul>();
  useEffect(() => {
    if (user === null) return;
    const longhaul = signIn(user);
    setLonghaul(longhaul);
    return () => {
      setLonghaul(undefined);
      longhaul.close();
    };
  }, [user]);
  if (user === null) return <SignIn signedIn={setUser} />;
  if (!longhaul) return null;
  const leave = () => {
    signOut();
    setUser(null);
  };
  return (
    <LonghaulProvider value={longhaul}>
      <header>
        <strong>Longhaul</strong>
        <nav aria-label="Pages">
          <Link to="/">Ask</Link>
          <Link to="/jobs">Jobs</Link>
        </nav>
        <ConnectionState />
        <button className="quiet" onClick={leave}>
          Sign out {user}
        </button>
      </header>
      <main>
        <Page />
      </main>
    </LonghaulProvider>
  );
}

function Page() {
  const path = usePath();
  const job = /^\/jobs\/([^/]+)$/.exec(path)?.[1];
  if (job) return <JobById key={job} id={decodeURIComponent(job)} />;
  return path === "/jobs" ? <Jobs /> : <Ask />;
}

const WORDS = { connecting: "Connecting", open: "Connected", waiting: "Offline", closed: "Closed" };

function ConnectionState() {
  const { connection } = useLonghaul();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (connection.state !== "waiting") return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [connection]);
  const seconds = Math.max(0, Math.ceil(((connection.retryAt ?? now) - now) / 1000));
  return (
    <span className={`connection ${connection.state}`}>
      <span role="status">{WORDS[connection.state]}</span>
      {connection.state === "waiting" && <span aria-hidden="true"> · next try in {seconds} s</span>}
    </span>
  );
}

function SignIn({ signedIn }: { signedIn: (user: string) => void }) {
  const [failure, setFailure] = useState("");
  return (
    <main className="sign-in">
      <h1>Longhaul</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const user = String(new FormData(event.currentTarget).get("user")).trim();
          developmentToken(user).then(
            () => signedIn(user),
            (error: Error) => setFailure(error.message),
          );
        }}
      >
        <label>
          User <input name="user" defaultValue="alice" required autoComplete="username" />
        </label>
        <button>Sign in with a development token</button>
      </form>
      <p role="alert">{failure}</p>
    </main>
  );
}
