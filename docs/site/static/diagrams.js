/* Draws the diagrams of a page. */
mermaid.initialize({ startOnLoad: true, theme: "neutral", securityLevel: "strict" });
