/* Bundles entry.jsx and its dependencies into one script and one stylesheet.

   node build.mjs OUTPUT_DIRECTORY, run by build.sh in a directory that holds the locked node_modules. The
   names carry a hash of the content, so that the files can be cached for ever. */

import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";

const output = path.resolve(process.argv[2]);

/** GraphiQL's stylesheet embeds 360 KB of Roboto and Fira Code; page.css uses the system's fonts instead. */
const withoutEmbeddedFonts = {
  name: "without-embedded-fonts",
  setup({ onLoad }) {
    onLoad({ filter: /graphiql[/\\]dist[/\\]style\.css$/ }, async ({ path: file }) => ({
      contents: (await readFile(file, "utf8")).replaceAll(/@font-face\s*\{[^}]*\}/g, ""),
      loader: "css",
    }));
  },
};

await rm(output, { recursive: true, force: true });
await mkdir(output, { recursive: true });
const { metafile } = await build({
  entryPoints: { graphiql: "entry.jsx" },
  outdir: output,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  // Relative to the page, so that a proxy may serve it under a prefix.
  publicPath: "graphiql",
  bundle: true,
  minify: true,
  metafile: true,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  charset: "utf8",
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"' },
  loader: { ".graphql": "text", ".svg": "file" },
  alias: {
    // One copy of graphql: its instanceof checks fail between two.
    graphql: path.resolve("node_modules/graphql/index.mjs"),
    "react-style-singleton": path.resolve("no_inline_style.js"),
  },
  plugins: [withoutEmbeddedFonts],
  logLevel: "warning",
});

await writeFile(path.join(output, "index.html"), await page());
const packages = await bundledPackages();
await writeFile(path.join(output, "VERSIONS.txt"), packages.map(({ title }) => `${title}\n`).join(""));
await writeFile(path.join(output, "LICENSES.txt"), await licences(packages));

async function page() {
  const names = (await readdir(output)).sort();
  const asset = (extension) => `graphiql/${names.find((name) => name.endsWith(extension))}`;
  return (await readFile("index.html", "utf8"))
    .replace("{{mark}}", asset(".svg"))
    .replace("{{stylesheet}}", asset(".css"))
    .replace("{{script}}", asset(".js"));
}

/** The packages of which at least one byte is in the bundle, by name. */
async function bundledPackages() {
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((file) => inputs[file].bytesInOutput > 0),
  );
  const folders = new Set(inputs.map((file) => file.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]));
  folders.delete(undefined);
  const found = await Promise.all(
    [...folders].map(async (folder) => {
      const { name, version, license, author } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
      return { folder, name, license, author: author?.name ?? author, title: `${name} ${version} (${license})` };
    }),
  );
  return found.sort((a, b) => (a.title < b.title ? -1 : 1));
}

/** Every bundled package with its licence; those under the same text are listed together above it. */
async function licences(packages) {
  const titlesByText = new Map();
  for (const bundled of packages) {
    const text = await licenceText(bundled);
    titlesByText.set(text, [...(titlesByText.get(text) ?? []), bundled.title]);
  }
  const rule = "-".repeat(78);
  const sections = [...titlesByText].map(([text, titles]) => `${rule}\n${titles.join("\n")}\n${rule}\n\n${text}\n`);
  return `The script and the stylesheet in this directory contain code of the packages below.\n\n${sections.join("\n")}`;
}

async function licenceText({ folder, name, license, author }) {
  // Packages published without the licence file of the repository they share with another.
  const sharedWith = {
    "@graphiql/plugin-doc-explorer": "graphiql",
    "@graphiql/plugin-explorer": "graphiql",
    "@graphiql/plugin-history": "graphiql",
    "react-compiler-runtime": "react",
    "react-remove-scroll-bar": "react-remove-scroll",
  }[name];
  const directory = sharedWith === undefined ? folder : path.join("node_modules", sharedWith);
  const file = (await readdir(directory)).sort().find((entry) => /^licen[cs]e/i.test(entry));
  if (file !== undefined) {
    return (await readFile(path.join(directory, file), "utf8")).replaceAll("\r\n", "\n").trim();
  }
  if (license === "MIT" && author !== undefined) {
    return (await readFile("mit.txt", "utf8")).replace("{{author}}", author).trim();
  }
  throw new Error(`${name} has no licence text: find it, and add it to build.mjs`);
}
