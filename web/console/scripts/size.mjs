/**
 * Prints the gzipped size of the built console: the files of the first paint, and those loaded later. Fails if the
 * first paint exceeds its budget.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Bytes, gzipped. */
const BUDGET = 90_000;
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const gzippedSize = (file) => gzipSync(readFileSync(dist + file), { level: 9 }).length;

const page = readFileSync(`${dist}index.html`, "utf8");
const files = readdirSync(`${dist}assets`).map((name) => `assets/${name}`);
const isFirstPaint = (file) => page.includes(file);
let firstPaint = gzippedSize("index.html");
for (const file of files.filter(isFirstPaint)) firstPaint += gzippedSize(file);
console.log(`longhaul-console: ${firstPaint} bytes gzipped of ${BUDGET} for the first paint`);
for (const file of files.filter((file) => !isFirstPaint(file))) console.log(`  later: ${file.replace(/-[\w-]{8}\./, ".")} ${gzippedSize(file)}`);
if (firstPaint > BUDGET) process.exit(1);
