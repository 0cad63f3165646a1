// The browser that the tests open pages in, decided here only: a Chromium, Chrome or Edge of this
// machine, else npm's @sparticuz/chromium, which needs nothing of the machine but Linux on x64.

import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CACHE = join(ROOT, "node_modules", ".cache", "civic-diary-kit");
const ON_PATH = [
  ...["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"],
  ...["msedge", "microsoft-edge", "microsoft-edge-stable"],
];
const MAC = ["Google Chrome", "Chromium", "Microsoft Edge"];
const WINDOWS = ["Google/Chrome/Application/chrome", "Microsoft/Edge/Application/msedge"];

export class NoBrowser extends Error {}

/**
 * Open the browser. The caller closes it.
 *
 * Without a sandbox: root may not have one, and the pages are our own. npm's browser has further
 * switches of its own, none of which it needs here; one of them lets pages read other origins.
 */
export async function launch() {
  const { executablePath, env } = await find();
  const args = ["--no-sandbox", "--disable-gpu"];
  return chromium.launch({ executablePath, args, env: { ...process.env, ...env } });
}

/** The browser's path, and the environment that it wants beside this one's. */
export async function find({ platform, arch, env } = process, cache = CACHE) {
  const named = env.KIT_CHROMIUM;
  if (named) return { executablePath: named, env: {} };
  const executablePath = candidates(platform, env).find(isProgram);
  if (executablePath) return { executablePath, env: {} };
  if (platform === "linux" && arch === "x64") return npms(env, cache);
  throw new NoBrowser(
    `no browser: none of this machine's is found, and npm has none for ${platform} on ${arch}; ` +
      "install Chromium or Chrome",
  );
}

/** Where a browser of this machine may be, the preferred place first. */
function candidates(platform, env) {
  const windows = platform === "win32";
  const folders = (env.PATH ?? env.Path ?? "").split(delimiter).filter(Boolean);
  const names = ON_PATH.map((name) => (windows ? `${name}.exe` : name));
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  if (platform === "darwin") {
    for (const home of [join(env.HOME ?? "/", "Applications"), "/Applications"]) {
      found.push(...MAC.map((name) => join(home, `${name}.app`, "Contents", "MacOS", name)));
    }
  }
  if (windows) {
    const homes = [env.ProgramFiles, env["ProgramFiles(x86)"], env.LOCALAPPDATA].filter(Boolean);
    for (const home of homes) found.push(...WINDOWS.map((name) => join(home, `${name}.exe`)));
  }
  return found;
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// --- npm's browser -------------------------------------------------------------------------------

async function npms(env, cache) {
  const folder = await unpacked(cache);
  const libraries = [join(folder, "al2023", "lib"), env.LD_LIBRARY_PATH].filter(Boolean);
  return {
    executablePath: join(folder, "chromium"),
    env: { LD_LIBRARY_PATH: libraries.join(":"), FONTCONFIG_FILE: await fonts(folder, env) },
  };
}

/**
 * The folder with the unpacked browser and the libraries that a bare machine lacks.
 *
 * It is made once, by whoever comes first: unpacked beside its place, then renamed.
 */
async function unpacked(cache) {
  const home = new URL("../", import.meta.resolve("@sparticuz/chromium"));
  const { version } = JSON.parse(await readFile(new URL("package.json", home), "utf8"));
  const folder = join(cache, `chromium-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(join(cache, "draft-"));
  try {
    await inflate(["chromium.br", "al2023.tar.br"].map((name) => new URL(`bin/${name}`, home)), draft);
    await rename(draft, folder);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes(error.code)) throw error; // else another was faster
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}

/** The package unpacks into the folder for temporary files only, which others may write to. */
async function inflate(archives, folder) {
  const { inflate: inflateOne } = await import("@sparticuz/chromium");
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  try {
    await Promise.all(archives.map((archive) => inflateOne(fileURLToPath(archive))));
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

/**
 * A fontconfig file with the kit's typefaces and the folders that KIT_FONTS names, and no others: a
 * bare machine has none, and so pictures of pages look the same on each. Its path.
 *
 * It has a folder of its own for each state of those folders: fontconfig reads a folder again only
 * when that changed, and not when a file in it did.
 */
async function fonts(folder, env) {
  const named = [join(ROOT, "kit", "typefaces"), ...(env.KIT_FONTS ?? "").split(delimiter)];
  const folders = named.filter((path) => path && existsSync(path));
  const state = JSON.stringify(folders.map((path) => [path, contents(path)]));
  const digest = createHash("sha256").update(state).digest("hex");
  const place = join(folder, `fonts-${digest}`);
  const path = join(place, "fonts.conf");
  if (existsSync(path)) return path;
  await mkdir(place, { recursive: true });
  const draft = join(place, `draft-${process.pid}`);
  await writeFile(draft, fontconfig(folders, join(place, "cache")));
  await rename(draft, path);
  return path;
}

function contents(folder) {
  return readdirSync(folder).sort().map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name));
    return [name, size, mtimeMs];
  });
}

function fontconfig(folders, cache) {
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const prefer = (family, name) =>
    `<alias><family>${family}</family><prefer><family>${name}</family></prefer></alias>`;
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">',
    "<fontconfig>",
    ...folders.map((path) => `<dir>${escaped(path)}</dir>`),
    `<cachedir>${escaped(cache)}</cachedir>`,
    prefer("sans-serif", "DejaVu Sans"),
    prefer("serif", "DejaVu Serif"),
    prefer("monospace", "DejaVu Sans Mono"),
    "</fontconfig>\n",
  ].join("\n");
}
