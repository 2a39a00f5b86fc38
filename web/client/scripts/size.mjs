/**
 * Measures the size that the library adds to a page: bundled, minified and gzipped, without React; and what each
 * further entry point adds. Fails if the main entry point exceeds its budget.
 */
import { build } from "esbuild";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";

/** Bytes, gzipped. */
const BUDGET = 6_000;
const resolveDir = fileURLToPath(new URL("../src", import.meta.url));

async function gzippedSize(...entries) {
  const contents = entries.map((name) => `export * from "./${name}.ts";`).join("\n");
  const options = { bundle: true, minify: true, format: "esm", target: "es2022", write: false, external: ["react"] };
  const { outputFiles } = await build({ stdin: { contents, resolveDir }, ...options });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const extras = ["chat", "topics", "react"];
const main = await gzippedSize("index");
const added = await Promise.all(extras.map(async (name) => `longhaul-client/${name}: ${(await gzippedSize("index", name)) - main} more`));
console.log([`longhaul-client: ${main} bytes gzipped of ${BUDGET}`, ...added].join("; "));
if (main > BUDGET) process.exit(1);
