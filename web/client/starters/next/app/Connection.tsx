"use client";
import { LonghaulProvider } from "longhaul-client/react";
import type { ReactNode } from "react";

/** A token from this app's server. */
async function token() {
  const response = await fetch("/token", { method: "POST" });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.text();
}

/** The connection of the page. While a page is rendered on the server, nothing is opened. */
export function Connection({ children }: { children: ReactNode }) {
  return (
    <LonghaulProvider url={process.env.LONGHAUL_URL!} token={token}>
      {children}
    </LonghaulProvider>
  );
}
