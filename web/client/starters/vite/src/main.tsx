import { LonghaulProvider } from "longhaul-client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Ask } from "./Ask";

/** A development token. In production, fetch one from your identity provider. */
async function token() {
  const response = await fetch("/_local/token?user=alice", { method: "POST" });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return (await response.json()).token as string;
}

createRoot(document.getElementById("app")!).render(
  <StrictMode>
    <LonghaulProvider url={import.meta.env.VITE_LONGHAUL_URL} token={token}>
      <Ask />
    </LonghaulProvider>
  </StrictMode>,
);
