// Bundles entry.js into ../vendor.js and puts the licences of all that went in beside it.
import { build } from "esbuild";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";

const result = await build({
  entryPoints: ["entry.js"],
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "vendor",
  legalComments: "none",
  charset: "utf8",
  target: "es2020",
  metafile: true,
  write: false,
});

const used = new Set();
for (const [path, entry] of Object.entries(Object.values(result.metafile.outputs)[0].inputs)) {
  const found = path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  if (found && entry.bytesInOutput > 0) used.add(found[1]);
}
used.add("@dagrejs/graphlib"); // dagre ships it inside its own bundle

const parts = [...used].sort().map((name) => {
  const folder = `node_modules/${name}`;
  const meta = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file || !existsSync(`${folder}/${file}`)) throw new Error(`${name} states no licence`);
  const text = readFileSync(`${folder}/${file}`, "utf8").trim();
  return { name, title: `${name} ${meta.version} (${meta.license})`, text };
});

const notice = parts.map((part) => part.title).join(", ");
writeFileSync("../vendor.js", `/*! ${notice}; licences: LICENSES.txt beside this file in hwgen */\n`
  + result.outputFiles[0].text);
writeFileSync("../LICENSES.txt", parts.map((part) => `${part.title}\n\n${part.text}\n`).join(`\n${"-".repeat(72)}\n\n`));
