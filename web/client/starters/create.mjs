#!/usr/bin/env node
/**
 * Creates an app from a starter: `create-longhaul-app vite|next FOLDER`. Copies the starter, makes it depend on this very
 * package, and installs it. `npm start` in the folder then runs the app and, if none runs yet, `longhaul up`.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const starters = dirname(fileURLToPath(import.meta.url));
const names = readdirSync(starters, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
const [name, target] = process.argv.slice(2);
if (!names.includes(name) || !target) {
  console.error(`usage: create-longhaul-app ${names.join("|")} FOLDER`);
  process.exit(2);
}
const folder = resolve(target);
if (existsSync(folder) && readdirSync(folder).length > 0) {
  console.error(`${folder} is not empty.`);
  process.exit(1);
}
cpSync(join(starters, name), folder, { recursive: true });
copyFileSync(join(starters, "start.mjs"), join(folder, "start.mjs"));

// npm leaves files of the name .gitignore out of packages.
renameSync(join(folder, "gitignore"), join(folder, ".gitignore"));
const tarball = packTo(folder);
const file = join(folder, "package.json");
const manifest = JSON.parse(readFileSync(file, "utf8"));
manifest.name = basename(folder).toLowerCase().replace(/[^a-z0-9-]/g, "-");
manifest.dependencies["longhaul-client"] = `file:${tarball}`;
writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, stdio: "inherit" });
console.log(`\nCreated ${folder}. Run it:\n\n    cd ${target}\n    npm start\n`);

/** Packs this package, which is built already, into the app. Returns the file's name. */
function packTo(folder) {
  const scratch = mkdtempSync(join(tmpdir(), "longhaul-client-"));
  try {
    const packed = execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", scratch], { cwd: dirname(starters), encoding: "utf8" }).trim().split("\n").at(-1);
    copyFileSync(join(scratch, packed), join(folder, packed));
    return packed;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
