// Drives the desk in a headless Chromium: a step a line in (JSON), its answer a line out.
//
// A step has one key: { open: { url, scale } }, { size: [width, height] }, { run: number of the cell },
// { tab }, { fill: [label, text] }, { select: [label, part of an option] }, { click: button },
// { upload: [{ name, type, base64 }] }, { keys: [key, …] }, { type: text }, { wait: text },
// { gone: text }, { ask: script }, { picture: { path, of } }. Labels, buttons and tabs are found as a
// screen reader finds them: by their names.

import { createInterface } from "node:readline";

import { launch } from "./browser.mjs";

const browser = await launch();
const PATIENCE = 15_000;
let page;
let heard;

const desk = () => page.locator(".kit-desk");
const field = (label) => desk().getByLabel(label, { exact: true }).filter({ visible: true });

async function open({ url, scale }) {
  await page?.context().close();
  heard = { errors: [], dialogs: 0 };
  const context = await browser.newContext({
    viewport: { width: 1280, height: 1000 },
    deviceScaleFactor: scale ?? 1,
    locale: "en-GB",
  });
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("pageerror", (error) => heard.errors.push(String(error)));
  page.on("dialog", (dialog) => {
    heard.dialogs += 1;
    return dialog.dismiss();
  });
  await page.goto(url);
  await page.waitForSelector(".jp-Notebook .jp-CodeCell", { timeout: 30_000 });
  await page.locator("#jp-main-statusbar", { hasText: "| Idle" }).waitFor({ timeout: 30_000 });
  await page.keyboard.press("Control+b"); // the list of files takes half of a phone's width
}

/** Run a cell as a person does, and return what it prints. A kernel that starts may not hear it. */
async function run(number) {
  const cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number);
  const prompt = (pattern, timeout) =>
    cell.locator(".jp-InputPrompt", { hasText: pattern }).waitFor({ timeout });
  for (let tries = 0; tries < 20; tries++) {
    await cell.locator(".cm-content").click();
    await page.keyboard.press("Control+Enter");
    if (await prompt(/\[(\d+|\*)\]/, 1_000).then(() => true, () => false)) break;
  }
  await prompt(/\[\d+\]/, 30_000);
  const output = cell.locator(".jp-OutputArea").first();
  await output.locator(".jp-OutputArea-output").first().waitFor();
  return output.innerText();
}

const steps = {
  open,
  run,
  size: ([width, height]) => page.setViewportSize({ width, height }),
  tab: (name) => desk().getByRole("tab", { name }).click(),
  fill: ([label, text]) => field(label).fill(text),
  select: async ([label, part]) => {
    const options = await field(label).locator("option").allTextContents();
    const index = options.findIndex((text) => text.replaceAll("\u00a0", " ").includes(part));
    await field(label).selectOption({ index });
  },
  click: (name) =>
    desk().getByRole("button", { name, exact: true }).filter({ visible: true }).click(),
  upload: async (files) => {
    const chooser = page.waitForEvent("filechooser");
    await desk().getByRole("button", { name: /Add pictures/ }).click();
    const payload = files.map(({ name, type, base64 }) => ({
      name,
      mimeType: type,
      buffer: Buffer.from(base64, "base64"),
    }));
    await (await chooser).setFiles(payload);
  },
  keys: async (keys) => {
    for (const key of keys) {
      await page.keyboard.press(key);
      await page.waitForTimeout(80); // as fast as a quick typist; the kernel hears each key
    }
  },
  type: (text) => page.keyboard.type(text),
  focused: () =>
    page.evaluate(() => {
      const { tagName, ariaLabel, labels, textContent } = document.activeElement;
      return `${tagName} ${ariaLabel ?? labels?.[0]?.textContent ?? textContent}`.trim();
    }),
  wait: (text) => desk().getByText(text).filter({ visible: true }).first().waitFor(),
  gone: (text) => desk().getByText(text).filter({ visible: true }).waitFor({ state: "hidden" }),
  ask: (script) => page.evaluate(script),
  picture: async ({ path, of }) =>
    of
      ? page.locator(of).filter({ visible: true }).first().screenshot({ path })
      : page.screenshot({ path }),
};

async function answer(step) {
  const [[name, value]] = Object.entries(step);
  try {
    return { said: (await steps[name](value)) ?? null, ...heard };
  } catch (error) {
    if (page && process.argv[2]) await page.screenshot({ path: process.argv[2] });
    return { broken: String(error), step, ...heard };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
await browser.close();
