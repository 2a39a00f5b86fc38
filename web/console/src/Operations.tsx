/** The admins' pages: jobs of all users, the dead-letter queue, and connections. */
import { useContext } from "react";
import { AllJobs } from "./AllJobs";
import { ConnectionList } from "./ConnectionList";
import { StaleNotice } from "./ConnectionStatus";
import { DeadLetters } from "./DeadLetters";
import { Link, PageHeading } from "./router";
import { OPERATIONS_SECTIONS, type OperationsPath } from "./routes";
import { SessionContext } from "./session";

const SECTIONS = { "/operate": AllJobs, "/operate/letters": DeadLetters, "/operate/connections": ConnectionList };

export function Operations({ path }: { path: OperationsPath }) {
  const session = useContext(SessionContext);
  const Section = SECTIONS[path];
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
      <nav aria-label="Operations" className="tabs">
        {Object.entries(OPERATIONS_SECTIONS).map(([to, title]) => (
          <Link key={to} to={to}>
            {title}
          </Link>
        ))}
      </nav>
      <PageHeading>{OPERATIONS_SECTIONS[path]}</PageHeading>
      <StaleNotice hint="This page may be out of date." />
      <Section />
    </>
  );
}
