/** Puts the console into its page, and then fetches what later pages need. It knows no job. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { fetchParts } from "./lazyComponents";
import "./style.css";

createRoot(document.getElementById("app")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
addEventListener("load", fetchParts);
