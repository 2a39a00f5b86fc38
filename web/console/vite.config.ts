/** Vite settings. The console is built with the client library's source, so that both are always of the same version. */
import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const client = (file: string) => fileURLToPath(new URL(`../client/src/${file}.ts`, import.meta.url));
const gateway = "http://localhost:3001";

/** The Content-Security-Policy that the embedded cloud sends as a header, as a meta tag for hosts that send none. Not in development. */
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
  // The gateway issues tokens to pages of its own origin only, so the proxy sets that origin. The WebSocket needs
  // `longhaul up --origin http://localhost:5173`.
  server: { proxy: { "/_local": { target: gateway, headers: { origin: gateway } } } },
});
