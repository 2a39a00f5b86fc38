/** The admins' pages: jobs of all users, the dead-letter queue, and connections. */
import { useContext } from "react";
import { AllJobs } from "./AllJobs";
import { ConnectionList } from "./ConnectionList";
import { StaleNotice } from "./ConnectionStatus";
import { DeadLetters } from "./DeadLetters";
import { Link, PageHeading } from "./router";
import { SessionContext } from "./session";

const SECTIONS = { "/operate": ["Jobs of all users", AllJobs], "/operate/letters": ["Dead letters", DeadLetters], "/operate/connections": ["Connections", ConnectionList] } as const;

export function Operations({ path }: { path: string }) {
  const session = useContext(SessionContext);
  const [title, Section] = SECTIONS[path as keyof typeof SECTIONS] ?? SECTIONS["/operate"];
  // The server refuses these requests to other users too.
  if (!session?.isAdmin) {
    return (
      <>
        <PageHeading>Operate</PageHeading>
        <p role="alert">Only admins may look after others' jobs.</p>
      </>
    );
  }
  return (
    <>
      <nav aria-label="Operate" className="row">
        {Object.entries(SECTIONS).map(([to, [title]]) => (
          <Link key={to} to={to}>
            {title}
          </Link>
        ))}
      </nav>
      <PageHeading>{title}</PageHeading>
      <StaleNotice hint="This is how it stood." />
      <Section />
    </>
  );
}
