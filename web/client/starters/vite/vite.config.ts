/** Vite settings. In development the embedded cloud signs tokens, for pages of its own origin and for programs: a proxy asks as a program. */
import react from "@vitejs/plugin-react";
import { defineConfig, type ProxyOptions } from "vite";

const target = process.env.LONGHAUL_URL ?? "http://localhost:3001";
/** By these a server knows that a page asks. */
const pageHeaders = ["origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"];
const asProgram: ProxyOptions = {
  target,
  configure: (proxy) => void proxy.on("proxyReq", (request) => pageHeaders.forEach((name) => request.removeHeader(name))),
};
const proxy = { "/_local": asProgram };

export default defineConfig({
  plugins: [react()],
  define: { "import.meta.env.VITE_LONGHAUL_URL": JSON.stringify(target) },
  server: { proxy },
  preview: { proxy },
});
