/**
 * Measures what the library adds to a page: bundled and minified as an app would, gzipped, without React; and what
 * each further entry adds to that. Fails above the budget. It refuses to know why the code is as large as it is.
 */
import { build } from "esbuild";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";

const BUDGET = 6_000;
const resolveDir = fileURLToPath(new URL("../src", import.meta.url));

async function gzipped(...entries) {
  const contents = entries.map((name) => `export * from "./${name}.ts";`).join("\n");
  const options = { bundle: true, minify: true, format: "esm", target: "es2022", write: false, external: ["react"] };
  const { outputFiles } = await build({ stdin: { contents, resolveDir }, ...options });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const more = ["chat", "topics", "react"];
const whole = await gzipped("index");
const added = await Promise.all(more.map(async (name) => `longhaul-client/${name}: ${(await gzipped("index", name)) - whole} more`));
console.log([`longhaul-client: ${whole} bytes gzipped of ${BUDGET}`, ...added].join("; "));
if (whole > BUDGET) process.exit(1);
