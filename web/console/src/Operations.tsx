/** The admins' pages: jobs of all users, the dead-letter queue, and connections. */
import { useContext } from "react";
import { AllJobs } from "./AllJobs";
import { ConnectionList } from "./ConnectionList";
import { StaleNotice } from "./ConnectionStatus";
import { DeadLetters } from "./DeadLetters";
import { Link, PageHeading } from "./router";
import { SessionContext } from "./session";

const SECTIONS = { "/operate": ["All jobs", AllJobs], "/operate/letters": ["Dead-letter queue", DeadLetters], "/operate/connections": ["Connections", ConnectionList] } as const;

export function Operations({ path }: { path: string }) {
  const session = useContext(SessionContext);
  const [title, Section] = SECTIONS[path as keyof typeof SECTIONS] ?? SECTIONS["/operate"];
  // The server refuses these requests to other users too.
  if (!session?.isAdmin) {
    return (
      <>
        <PageHeading>Operations</PageHeading>
        <p role="alert">Only admins can view this page.</p>
      </>
    );
  }
  return (
    <>
      <nav aria-label="Operations" className="row">
        {Object.entries(SECTIONS).map(([to, [title]]) => (
          <Link key={to} to={to}>
            {title}
          </Link>
        ))}
      </nav>
      <PageHeading>{title}</PageHeading>
      <StaleNotice hint="This page may be out of date." />
      <Section />
    </>
  );
}
