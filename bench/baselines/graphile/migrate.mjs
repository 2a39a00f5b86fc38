// Creates the tables: Graphile Worker's and ours.

import { readFile } from "node:fs/promises";
import { runMigrations } from "graphile-worker";
import pg from "pg";

const pool = new pg.Pool();
pool.on("error", (error) => console.error(error));
pool.on("connect", (client) => client.on("error", (error) => console.error(error)));
await runMigrations({ pgPool: pool });
await pool.query(await readFile(new URL("schema.sql", import.meta.url), "utf8"));
await pool.end();
