/** The operators' view: which of its parts the address names. Who is no admin is told so by the server too. */
import { useContext } from "react";
import { ConnectionList } from "./ConnectionList";
import { DeadLetters } from "./DeadLetters";
import { Stale } from "./ConnectionStatus";
import { Overseen } from "./AllJobs";
import { Heading, Link } from "./router";
import { SessionContext } from "./session";

const PARTS = { "/operate": ["Jobs of all users", Overseen], "/operate/letters": ["Dead letters", DeadLetters], "/operate/connections": ["Connections", ConnectionList] } as const;

export function Operate({ path }: { path: string }) {
  const session = useContext(SessionContext);
  const [title, Part] = PARTS[path as keyof typeof PARTS] ?? PARTS["/operate"];
  if (!session?.isAdmin) {
    return (
      <>
        <Heading>Operate</Heading>
        <p role="alert">Only admins may look after others' jobs.</p>
      </>
    );
  }
  return (
    <>
      <nav aria-label="Operate" className="row">
        {Object.entries(PARTS).map(([to, [title]]) => (
          <Link key={to} to={to}>
            {title}
          </Link>
        ))}
      </nav>
      <Heading>{title}</Heading>
      <Stale meanwhile="This is how it stood." />
      <Part />
    </>
  );
}
