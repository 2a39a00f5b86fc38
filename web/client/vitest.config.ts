/** Vitest settings. */
import { defineConfig } from "vitest/config";

// The embedded cloud starts processes, which takes long on a busy machine.
const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 };
const starters = "test/starters.test.ts";

export default defineConfig({
  test: {
    reporters: ["default", "./scripts/cargoReporter.mjs"],
    projects: [
      { test: { name: "library", include: ["test/**/*.test.ts"], exclude: [starters], ...timeouts } },
      // Their builds need all processors, so they run when the others have ended.
      { test: { name: "starters", include: [starters], sequence: { groupOrder: 1 }, ...timeouts } },
    ],
  },
});
