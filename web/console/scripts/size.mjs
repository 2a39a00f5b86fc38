/**
 * Says what the built console weighs, gzipped: what a first paint needs, and what follows it. It fails when the
 * first paint grew above its budget, and refuses to know why.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET = 90_000;
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const weigh = (file) => gzipSync(readFileSync(dist + file), { level: 9 }).length;

const page = readFileSync(`${dist}index.html`, "utf8");
const files = readdirSync(`${dist}assets`).map((name) => `assets/${name}`);
const isFirst = (file) => page.includes(file);
let first = weigh("index.html");
for (const file of files.filter(isFirst)) first += weigh(file);
console.log(`longhaul-console: ${first} bytes gzipped of ${BUDGET} for the first paint`);
for (const file of files.filter((file) => !isFirst(file))) console.log(`  later: ${file.replace(/-[\w-]{8}\./, ".")} ${weigh(file)}`);
if (first > BUDGET) process.exit(1);
