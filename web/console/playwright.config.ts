/** How the browser suite is run: in this machine's Chromium, against one real stack. It downloads no browser. */
import { defineConfig } from "@playwright/test";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** `CHROMIUM`, or the first browser of its family on the path. */
function chromium(): string | undefined {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const places = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const isThere = (path: string) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  return process.env.CHROMIUM ?? places.find(isThere);
}

export default defineConfig({
  testDir: "test",
  globalSetup: "./test/globalSetup.ts",
  outputDir: "test-results",
  // Jobs mostly wait: three browsers at a time leave two processors little idle.
  workers: 3,
  projects: [
    { name: "parallel", testIgnore: "workerCrash.test.ts" },
    { name: "worker-crash", testMatch: "workerCrash.test.ts", dependencies: ["parallel"] },
  ],
  // How long a job takes is not what is tested; these only end what hangs.
  timeout: 120_000,
  expect: { timeout: 60_000 },
  reporter: [["list"], ["./test/cargoReporter.ts"]],
  use: {
    launchOptions: { executablePath: chromium() },
    permissions: ["clipboard-read", "clipboard-write"],
    screenshot: "only-on-failure",
  },
});
