/** How the tests are run and counted. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", "./scripts/cargoReporter.mjs"],
    // The embedded cloud starts processes, on machines that do other things too.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
