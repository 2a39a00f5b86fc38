/** The page for an address that the console does not know. */
import { Link, PageHeading, usePath } from "./router";

export function NotFoundPage() {
  return (
    <>
      <PageHeading>Page not found</PageHeading>
      <p>
        There is no page at <code>{usePath()}</code>. A job's address is <code>/jobs/</code> and its id.
      </p>
      <p className="row">
        <Link to="/">Ask a question</Link>
        <Link to="/jobs">My jobs</Link>
      </p>
    </>
  );
}
