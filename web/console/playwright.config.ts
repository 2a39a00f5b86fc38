/** Playwright settings: the tests run in an installed Chromium against one real stack. No browser is downloaded. */
import { defineConfig } from "@playwright/test";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The path in `CHROMIUM`, or the first Chromium-based browser on the `PATH`. */
function chromium(): string | undefined {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const candidates = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const isExecutable = (path: string) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  return process.env.CHROMIUM ?? candidates.find(isExecutable);
}

export default defineConfig({
  testDir: "test",
  globalSetup: "./test/globalSetup.ts",
  outputDir: "test-results",
  // Jobs mostly wait, so three browsers at a time keep two processors busy.
  workers: 3,
  projects: [
    { name: "parallel", testIgnore: "workerCrash.test.ts" },
    { name: "worker-crash", testMatch: "workerCrash.test.ts", dependencies: ["parallel"] },
  ],
  // These timeouts only end tests that hang; the duration of jobs is not tested.
  timeout: 120_000,
  expect: { timeout: 60_000 },
  reporter: [["list"], ["./test/cargoReporter.ts"]],
  use: {
    launchOptions: { executablePath: chromium() },
    permissions: ["clipboard-read", "clipboard-write"],
    screenshot: "only-on-failure",
  },
});
