/** Vite settings. In development the embedded cloud signs tokens; it gives them to pages of its own origin only, so they come by a proxy. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const target = process.env.LONGHAUL_URL ?? "http://localhost:3001";
const proxy = { "/_local": { target, headers: { origin: target } } };

export default defineConfig({
  plugins: [react()],
  define: { "import.meta.env.VITE_LONGHAUL_URL": JSON.stringify(target) },
  server: { proxy },
  preview: { proxy },
});
