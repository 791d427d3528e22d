// Bundles what the pages need of npm's packages, with the licences and digests of what is in each bundle.
//
// Usage: node build.mjs FOLDER. Nothing is fetched: `npm ci` was before.

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.resolve(process.argv[2]);

/** Modules that are left out, or taken from another place; the names are regular expressions. */
const instead = {
  "numcodecs/(blosc|lz4|zstd)": "./nothing.js", // WebAssembly, which pages may not compile: the server decodes
  superagent: "./nothing.js", // the editor asks nothing of anybody: the page does
  store: "./nothing.js",
  "@triply/yasgui-utils": "./node_modules/@triply/yasgui-utils/src/index.ts", // its build has an eval() in it
};

const replaced = {
  name: "replaced",
  setup({ onResolve }) {
    for (const [name, place] of Object.entries(instead)) {
      onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: path.join(here, place) }));
    }
  },
};

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  charset: "utf8",
  legalComments: "none", // they are in LICENCES.txt, whole
  define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
  loader: { ".scss": "empty", ".css": "empty" },
  plugins: [replaced],
  outdir: folder,
  metafile: true,
  logLevel: "warning",
};

async function bundled() {
  const libraries = ["cytoscape", "ome_zarr", "sha256", "yasqe"].map((name) => `entries/${name}.js`);
  const results = [
    await build({ ...common, entryPoints: libraries, outbase: "entries", splitting: true, chunkNames: "[name]-[hash]" }),
    await build({ ...common, entryPoints: ["entries/layout_worker.js"], outbase: "entries", format: "iife" }),
    await build({
      ...common,
      entryPoints: { yasqe: "@triply/yasqe/build/yasqe.min.css" },
      loader: { ".css": "css" },
    }),
  ];
  return results.flatMap((result) => Object.entries(result.metafile.outputs));
}

/** Return the folder of the package that a file is of, if it is of one. */
function packageOf(file) {
  const parts = file.split("/");
  const last = parts.lastIndexOf("node_modules");
  if (last < 0) return null;
  const names = parts[last + 1].startsWith("@") ? 3 : 2;
  return parts.slice(0, last + names).join("/");
}

async function licence(place) {
  const about = JSON.parse(await readFile(path.join(here, place, "package.json"), "utf8"));
  const files = (await readdir(path.join(here, place))).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  const texts = await Promise.all(files.sort().map((name) => readFile(path.join(here, place, name), "utf8")));
  const kind = about.license ?? about.licenses?.map((each) => each.type).join(", ") ?? "not stated";
  return { name: about.name, version: about.version, kind, text: texts.join("\n").trim() };
}

async function licences(outputs) {
  const uses = new Map();
  for (const [output, { inputs }] of outputs) {
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const place = packageOf(input);
      if (place === null || bytesInOutput === 0) continue;
      uses.set(place, (uses.get(place) ?? new Set()).add(path.basename(output)));
    }
  }
  const parts = [];
  for (const place of [...uses.keys()].sort()) {
    const { name, version, kind, text } = await licence(place);
    const head = `${name} ${version} (${kind}), in ${[...uses.get(place)].sort().join(", ")}`;
    parts.push(`${head}\n${"-".repeat(head.length)}\n\n${text || "The package has no text of its licence with it."}\n`);
  }
  return `What is bundled here, and under which licences. The sources are tools/web/package.json's packages.\n\n${parts.join("\n")}`;
}

async function digests() {
  const lines = [];
  for (const name of (await readdir(folder)).sort()) {
    const digest = createHash("sha256").update(await readFile(path.join(folder, name))).digest("hex");
    lines.push(`${digest}  ${name}\n`);
  }
  return lines.join("");
}

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
await writeFile(path.join(folder, "LICENCES.txt"), await licences(await bundled()));
await writeFile(path.join(folder, "SHA256SUMS"), await digests()); // last: who finds it finds all
