/** The one stack of the suite, with the console that was built. It is told to the tests by the environment. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isBuilt, Stack } from "../../client/test/stack.js";

let stack: Stack | undefined;

/** Playwright's global setup; what it gives is called at the end. */
export default async function start(): Promise<() => Promise<void>> {
  if (!isBuilt) throw new Error("There is no longhaul: run `cargo build`, or name one with LONGHAUL_BIN.");
  if (!existsSync(fileURLToPath(new URL("../dist/index.html", import.meta.url)))) {
    throw new Error("The console is not built: run `npm run build`.");
  }
  // A job whose worker was killed goes on after its lease.
  // The tests sign tokens too, such as no stack gives.
  process.env.LONGHAUL_JWT_SECRET = randomUUID();
  stack = await Stack.start("--parameter", "LeaseSeconds=10");
  Object.assign(process.env, { CONSOLE: `http://127.0.0.1:${stack.port}`, AWS_ENDPOINT: `http://127.0.0.1:${stack.awsPort}` });
  return () => stack!.stop();
}
