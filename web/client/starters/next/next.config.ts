/** Next settings. The page connects to the embedded cloud, or to the API that LONGHAUL_URL names. */
import type { NextConfig } from "next";

const config: NextConfig = {
  env: { LONGHAUL_URL: process.env.LONGHAUL_URL ?? "http://localhost:3001" },
};
export default config;
