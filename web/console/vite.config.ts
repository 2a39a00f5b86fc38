/** How the console is built: with the client library's source beside it, so that neither is ahead of the other. */
import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const client = (file: string) => fileURLToPath(new URL(`../client/src/${file}.ts`, import.meta.url));
const gateway = "http://localhost:3001";

/** What the embedded cloud sends as a header goes with the page too, for hosts that send none; not while developing. */
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src *; base-uri 'none'; form-action 'self'";
const policy: Plugin = {
  name: "policy",
  apply: "build",
  transformIndexHtml: () => [{ tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" }],
};

export default defineConfig({
  plugins: [react(), policy],
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
