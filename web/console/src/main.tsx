/** The entry point: renders the console, and preloads the lazy components once the page has loaded. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { preloadComponents } from "./lazyComponents";
import "./style.css";

createRoot(document.getElementById("app")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
addEventListener("load", preloadComponents);
