/**
 * Measures the size that the library adds to a page: bundled, minified and compressed with brotli, without React; and
 * what each further entry point adds. Fails if the main entry point or one of the stores exceeds its budget.
 */
import { build } from "esbuild";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

/** Bytes, compressed: of the main entry point, and of what an entry point named here may add. */
const BUDGET = 8_000;
const LIMITS = { vue: 1_000, svelte: 1_000, tanstack: 1_000 };
const resolveDir = fileURLToPath(new URL("../src", import.meta.url));
const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

async function compressedSize(...entries) {
  const contents = entries.map((name) => `export * from "./${name}.ts";`).join("\n");
  const options = { bundle: true, minify: true, format: "esm", target: "es2022", write: false, external: ["react", "vue", "svelte"] };
  const { outputFiles } = await build({ stdin: { contents, resolveDir }, ...options });
  return brotliCompressSync(outputFiles[0].contents).length;
}

/** The file of an entry point, without its folder and extension. */
const extras = Object.values(exports).map(({ default: file }) => /(\w+)\.js$/.exec(file)[1]).filter((name) => name !== "index");
const main = await compressedSize("index");
console.log(`longhaul-client: ${main} bytes of ${BUDGET}, compressed`);
let isOver = main > BUDGET;
for (const name of extras) {
  const added = (await compressedSize("index", name)) - main;
  isOver ||= added > (LIMITS[name] ?? Infinity);
  console.log(`  with ${name}: ${added} more${LIMITS[name] ? ` of ${LIMITS[name]}` : ""}`);
}
if (isOver) process.exit(1);
