/* Makes one minified module of each library, beside the versions and licences of all.

   node vendor.mjs OUTPUT_DIRECTORY, run by vendor.sh in a directory that holds the locked node_modules. */

import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";

const output = path.resolve(process.argv[2]);

await rm(output, { recursive: true, force: true });
await mkdir(output, { recursive: true });
await build({
  entryPoints: ["preact.js", "uplot.js"],
  outdir: output,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});
await copyFile("node_modules/uplot/dist/uPlot.min.css", path.join(output, "uplot.css"));

const { dependencies } = JSON.parse(await readFile("package.json", "utf8"));
const packages = await Promise.all(Object.keys(dependencies).sort().map(vendored));
await writeFile(path.join(output, "VERSIONS.txt"), packages.map(({ title }) => `${title}\n`).join(""));
const rule = "-".repeat(78);
const sections = packages.map(({ title, text }) => `${rule}\n${title}\n${rule}\n\n${text}\n`);
const preamble = "The modules and the stylesheet in this directory contain code of the packages below.";
await writeFile(path.join(output, "LICENSES.txt"), `${preamble}\n\n${sections.join("\n")}`);

async function vendored(name) {
  const folder = path.join("node_modules", name);
  const { version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const text = (await readFile(path.join(folder, "LICENSE"), "utf8")).trim();
  return { title: `${name} ${version} (${license})`, text };
}
