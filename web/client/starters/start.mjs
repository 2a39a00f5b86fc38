/**
 * Runs the app and, if none runs yet, Longhaul on this machine: `npm start`. Finds the program `longhaul` in LONGHAUL_BIN or
 * on the PATH. Stop both with Ctrl-C.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const url = process.env.LONGHAUL_URL ?? "http://localhost:3001";
const { port, command } = JSON.parse(readFileSync("package.json", "utf8")).longhaul;
const origin = `http://localhost:${process.env.PORT ?? port}`;
const children = [];
const stop = () => children.forEach((child) => child.kill("SIGTERM"));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);

if (await isAnswering()) console.log(`Using the Longhaul that runs at ${url}. It must allow this page: longhaul up --origin ${origin}`);
else await startLonghaul();
const [program, ...options] = command.replace("$PORT", process.env.PORT ?? port).split(" ");
const app = spawn(join("node_modules", ".bin", program), options, { stdio: "inherit", env: { ...process.env, LONGHAUL_URL: url }, shell: process.platform === "win32" });
children.push(app);
app.on("exit", (code) => {
  stop();
  process.exitCode = code ?? 1;
});

async function isAnswering() {
  return fetch(url).then(() => true, () => false);
}

/** Starts `longhaul up` and waits until it is ready. */
async function startLonghaul() {
  const options = ["up", "--port", new URL(url).port, "--origin", origin];
  const longhaul = spawn(process.env.LONGHAUL_BIN ?? "longhaul", options, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(longhaul);
  longhaul.on("error", () => {
    console.error("The program `longhaul` was not found. Put it on the PATH, or its file into LONGHAUL_BIN.");
    process.exit(1);
  });
  for await (const line of createInterface({ input: longhaul.stdout })) {
    console.log(line);
    if (line === "READY") return void longhaul.stdout.resume();
  }
  process.exit(1);
}
