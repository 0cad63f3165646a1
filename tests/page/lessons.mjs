// Opens notebooks in JupyterLab without running them, in both themes, and measures what is read there.
//
// A case a line in (JSON): { url, theme, picture }; what was seen a line out: { texts, pictures, svgs }.
// A text's contrast is that of WCAG 2.2 (relative luminance), against the backgrounds behind it.

import { createInterface } from "node:readline";

import { launch } from "./browser.mjs";

const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
const page = await context.newPage();
page.setDefaultTimeout(30_000);

/** Runs inside the page: every text of an output or of prose, with its colours and its contrast. */
function measure() {
  const parse = (text) => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return { rgb: parts.slice(0, 3), alpha: parts[3] ?? 1 };
  };
  const over = (top, { rgb, alpha }) => rgb.map((x, i) => x * alpha + top[i] * (1 - alpha));
  const background = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(parse(getComputedStyle(at).backgroundColor));
    }
    return layers.reverse().reduce(over, [255, 255, 255]);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((x) => {
      const part = x / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = new Map();
  for (const area of document.querySelectorAll(".jp-OutputArea-output, .jp-RenderedMarkdown")) {
    const walker = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      const text = node.textContent.trim();
      const style = getComputedStyle(element);
      if (!text || element.closest(".MathJax, mjx-container") || style.visibility === "hidden") continue;
      if (!element.getClientRects().length) continue;
      const behind = background(element);
      const ink = over(behind, parse(element.closest("svg") ? style.fill : style.color));
      const [low, high] = [luminance(ink), luminance(behind)].sort((a, b) => a - b);
      const contrast = (high + 0.05) / (low + 0.05);
      const key = `${ink.map(Math.round)} on ${behind.map(Math.round)}`;
      if (!texts.has(key)) texts.set(key, { key, contrast, text: text.slice(0, 60) });
    }
  }
  const images = [...document.querySelectorAll(".jp-OutputArea-output img")];
  return {
    texts: [...texts.values()].sort((a, b) => a.contrast - b.contrast),
    pictures: images.map(({ alt, naturalWidth }) => ({ alt, width: naturalWidth })),
    svgs: document.querySelectorAll(".jp-OutputArea-output svg").length,
  };
}

async function look({ url, theme, picture }) {
  await page.goto(url);
  await page.waitForSelector(".jp-Notebook .jp-CodeCell");
  await page.evaluate(
    (theme) => window.jupyterapp.commands.execute("apputils:change-theme", { theme }),
    theme,
  );
  const light = String(theme === "JupyterLab Light");
  await page.waitForSelector(`body[data-jp-theme-light="${light}"]`, { state: "attached" });
  await page.waitForFunction(() => !document.querySelector(".jp-MarkdownOutput:empty"));
  await page.waitForTimeout(1_500);
  const seen = await page.evaluate(measure);
  if (picture) {
    const height = await page.evaluate(
      () => document.querySelector(".jp-WindowedPanel-outer").scrollHeight,
    );
    await page.setViewportSize({ width: 1280, height: Math.min(height + 200, 16_000) });
    await page.waitForTimeout(500);
    await page.locator(".jp-NotebookPanel").first().screenshot({ path: picture });
    await page.setViewportSize({ width: 1280, height: 1000 });
  }
  return seen;
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = await look(JSON.parse(line));
  } catch (error) {
    said = { broken: String(error) };
  }
  console.log(JSON.stringify(said));
}
await browser.close();
