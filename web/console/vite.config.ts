/** How the console is built: with the client library's source beside it, so that neither is ahead of the other. */
import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const client = (file: string) => fileURLToPath(new URL(`../client/src/${file}.ts`, import.meta.url));
const gateway = "http://localhost:3001";

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: [
      { find: /^longhaul-client$/, replacement: client("index") },
      { find: /^longhaul-client\/react$/, replacement: client("react") },
    ],
    dedupe: ["react"],
  },
  // The gateway gives tokens to the pages of its own port only; to connect, this page needs
  // `longhaul up --origin http://localhost:5173`.
  server: { proxy: { "/_local": { target: gateway, headers: { origin: gateway } } } },
});
