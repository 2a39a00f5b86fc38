/**
 * Measures what the library adds to a page: bundled and minified as an app would, gzipped, without React.
 * Fails above the budget. It refuses to know why the code is as large as it is.
 */
import { build } from "esbuild";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";

const BUDGET = 6_000;
const entry = (name) => fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url));

async function gzipped(name) {
  const options = { bundle: true, minify: true, format: "esm", target: "es2022", write: false, external: ["react"] };
  const { outputFiles } = await build({ entryPoints: [entry(name)], ...options });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const [whole, react] = await Promise.all(["index", "react"].map(gzipped));
console.log(`longhaul-client: ${whole} bytes gzipped of ${BUDGET}; longhaul-client/react: ${react}`);
if (whole > BUDGET) process.exit(1);
