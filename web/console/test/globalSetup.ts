/** Starts the stack that all browser tests share. It serves the built console; environment variables pass its URLs to the tests. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isBuilt, Stack } from "../../client/test/stack.js";

let stack: Stack | undefined;

/** Playwright's global setup. Playwright calls the returned function at the end. */
export default async function globalSetup(): Promise<() => Promise<void>> {
  if (!isBuilt) throw new Error("There is no longhaul binary. Run `cargo build`, or set LONGHAUL_BIN.");
  if (!existsSync(fileURLToPath(new URL("../dist/index.html", import.meta.url)))) {
    throw new Error("The console is not built. Run `npm run build`.");
  }
  // The tests sign tokens themselves, including expired ones.
  process.env.LONGHAUL_JWT_SECRET = randomUUID();
  // A short lease, because a job whose worker was killed continues after its lease has expired.
  stack = await Stack.start("--parameter", "LeaseSeconds=10");
  Object.assign(process.env, { CONSOLE: `http://127.0.0.1:${stack.port}`, AWS_ENDPOINT: `http://127.0.0.1:${stack.awsPort}` });
  return () => stack!.stop();
}
