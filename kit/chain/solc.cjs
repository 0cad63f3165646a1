// Makes npm's `solc`, a library, answer like the native program, as far as py-solc-x and forge ask:
//   node solc.cjs <folder of node_modules/solc> --version
//   node solc.cjs <folder of node_modules/solc> --standard-json [--base-path <folder>] [--allow-paths <folder>,…]
// Imports are read below the base path and the allowed folders, and nowhere else.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const [folder, ...options] = process.argv.slice(2);
const given = (option) => (options.includes(option) ? options[options.indexOf(option) + 1] : "");
const base = given("--base-path") ? fs.realpathSync(given("--base-path")) : null;
const allowed = given("--allow-paths")
  .split(",")
  .filter((name) => name && fs.existsSync(path.resolve(base ?? ".", name)))
  .map((name) => fs.realpathSync(path.resolve(base ?? ".", name)));

function readImport(name) {
  const file = base === null ? null : path.resolve(base, name);
  const below = (place) => file.startsWith(place + path.sep);
  if (file === null || ![base, ...allowed].some(below)) return { error: `not below the base path: ${name}` };
  try {
    return { contents: fs.readFileSync(file, "utf8") };
  } catch (error) {
    return { error: `can't read ${name}: ${error.code}` };
  }
}

// py-solc-x asks for the version before each compilation, and npm's solc takes half a second to start.
function version() {
  const release = require(path.join(folder, "package.json")).version;
  const kept = path.join(folder, "..", ".cache", "civic-diary-kit", `solc-${release}.version`);
  try {
    return fs.readFileSync(kept, "utf8");
  } catch {
    const asked = require(folder).version();
    try {
      fs.mkdirSync(path.dirname(kept), { recursive: true });
      fs.writeFileSync(`${kept}.${process.pid}`, asked);
      fs.renameSync(`${kept}.${process.pid}`, kept);
    } catch {
      // a folder that can't be written to costs time, nothing else
    }
    return asked;
  }
}

if (options.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version()}\n`);
} else if (options.includes("--standard-json")) {
  const solc = require(folder);
  const answer = solc.compile(fs.readFileSync(0, "utf8"), { import: readImport });
  process.stdout.write(answer + "\n");
} else {
  process.stderr.write("solc.cjs: expected --version or --standard-json\n");
  process.exitCode = 2;
}
