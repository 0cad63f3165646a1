// Builds build/verify.html: one file with everything in it, the same bytes each time.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { buildSync } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const read = (...names) => readFileSync(join(...names), "utf8");

function bundle(name) {
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: [join(here, "src", name)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["chrome103", "firefox102", "safari16"],
    charset: "utf8",
    legalComments: "eof",
    logLevel: "warning",
  });
  return outputFiles[0].text.trim();
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const script = bundle("page.js");
const style = bundle("page.css");
// Inside a page these would end the element, or change how it is read.
for (const [text, end] of [
  [script, /<\/script|<!--|\r/i],
  [style, /<\/style|\r/i],
]) {
  if (end.test(text)) throw new Error(`the bundle holds ${end}`);
}

const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "img-src data: blob:",
  "connect-src http: https:", // the node whose address the reader gives
  "form-action 'none'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'", // no text can become markup
  "trusted-types 'none'",
].join("; ");

const used = ["@noble/curves", "@noble/hashes", "cborg", "ethers", "qr"].map((name) => {
  const { version, license } = JSON.parse(read(root, "node_modules", name, "package.json"));
  return `${name} ${version} (${license})`;
});

const page = read(here, "src", "page.html")
  .replace("{{policy}}", () => policy)
  .replace("{{used}}", () => used.join(", "))
  .replace("{{style}}", () => style)
  .replace("{{script}}", () => script);

mkdirSync(join(root, "build"), { recursive: true });
writeFileSync(join(root, "build", "verify.html"), page);
console.log(`build/verify.html: ${Buffer.byteLength(page).toLocaleString("en")} bytes`);
