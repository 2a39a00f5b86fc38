/**
 * Parses every diagram of the site with the library that draws them, since a page shows an invalid one as an error only in a
 * browser.
 *
 * usage: node docs/site/check-diagrams.mjs SITE
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import vm from "node:vm";

const site = process.argv[2];
const context = { console, setTimeout, clearTimeout, structuredClone, URL, TextEncoder, TextDecoder, performance };
Object.assign(context, { globalThis: context, window: context, self: context });
vm.createContext(context);
// Its sanitiser of labels has no functions where there is no document, as in Node; here nothing is displayed.
const library = readFileSync(join(site, "_static/mermaid.tiny.js"), "utf8");
const patched = library.replace(/return (\w+)\.isSupported=!1,\1;/, "return Object.assign($1, { isSupported: false, sanitize: (text) => text, addHook() {} });");
if (patched === library) throw new Error("this version of mermaid has another sanitiser: change this script");
vm.runInContext(patched, context);

const entities = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"' };
let count = 0;
for (const page of readdirSync(site, { recursive: true }).filter((name) => name.endsWith(".html") && name !== "index.html")) {
  const html = readFileSync(join(site, page), "utf8");
  for (const [, diagram] of html.matchAll(/<pre class="mermaid">(.*?)<\/pre>/gs)) {
    count += 1;
    const text = diagram.replace(/&\w+;/g, (entity) => entities[entity]);
    await context.mermaid.parse(text).catch((error) => {
      console.error(`${page}: ${error.message}\n${text}`);
      process.exitCode = 1;
    });
  }
}
console.log(`${count} diagrams`);
if (count === 0) process.exitCode = 1;
