/** Writes src/frames.ts from the JSON Schemas in spec/schemas; with --check it fails if that is out of date. */
import { readFileSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const schemas = new URL("../../../spec/schemas/", import.meta.url);
const target = new URL("../src/frames.ts", import.meta.url);
const banner = "/** Generated from spec/schemas by `npm run frames`: the frames on the wire. */";

/** Removes what TypeScript can't say, and names each frame by its definition. */
function simplified(value) {
  if (Array.isArray(value)) return value.map(simplified);
  if (typeof value !== "object" || value === null) return value;
  // By name, so that each type is written once.
  if (value.$ref) return { description: value.description, tsType: value.$ref.replace("#/$defs/", "") };
  if (Object.keys(value).join() === "description" && typeof value.description === "string") return { ...value, tsType: "unknown" };
  const kept = Object.entries(value).filter(([name]) => !["format", "minimum", "maximum", "minLength", "maxLength"].includes(name));
  return Object.fromEntries(kept.map(([name, inner]) => [name, simplified(inner)]));
}

const definitions = {};
const unions = {};
for (const [name, file] of [["ClientFrame", "client-frames.json"], ["ServerFrame", "server-frames.json"]]) {
  const schema = simplified(JSON.parse(readFileSync(new URL(file, schemas), "utf8")));
  Object.assign(definitions, schema.$defs);
  // The type of a publication is any text: in the union it would keep `switch` from telling the others apart.
  const members = schema.anyOf.filter((member) => member.tsType !== "Notification");
  unions[name] = { description: schema.description, anyOf: members };
}
const text = await compile({ $defs: { ...definitions, ...unions }, title: "Frames" }, "Frames", {
  additionalProperties: false,
  bannerComment: banner,
  unreachableDefinitions: true,
  style: { printWidth: 120 },
});
// Without the root, which has no fields, and without remarks on where each type was found.
const frames = text
  .replace(/export interface Frames \{\n  \[k: string\]: unknown;\n\}\n/, "")
  .replace(/ \*\n \* This interface was referenced by `Frames`'s JSON-Schema\n \* via the `definition` "\w+"\.\n/g, "")
  .replace(/\/\*\*\n \* This interface was referenced by `Frames`'s JSON-Schema\n \* via the `definition` "\w+"\.\n \*\/\n/g, "");
if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== frames) {
    console.error("src/frames.ts is out of date. Run: npm run frames");
    process.exit(1);
  }
} else {
  writeFileSync(target, frames);
}
