// Drives a headless Chromium: a case a line in (JSON), what the page shows a line out.
//
// A case: { open, language, width, height, dark, actions }. `open` is the page's address, with what
// stands after the `#`. Each action is one key: { file: { name, base64 } }, { drop: { … } },
// { drop: { name, piece, times } }, { paste: text }, { node: { url, log, hashes } }, { language }, { keys: count }, { run: script },
// { picture: path }, { wait: milliseconds }.

import { createInterface } from "node:readline";

import { launch } from "./browser.mjs";

const browser = await launch();

/** What the page shows, as a reader sees it. Runs inside the page. */
function shown() {
  const text = (id) => document.getElementById(id).textContent;
  const lines = Array.from(document.querySelectorAll(".steps li"));
  const visible = !document.getElementById("result").hidden;
  return {
    visible,
    language: document.documentElement.lang,
    level: text("level"),
    notAsked: text("not-asked"),
    ownLog: text("own-log"),
    id: text("identifier"),
    numbers: lines.map((line) => line.value),
    names: lines.map((line) => line.querySelector(".step-name").textContent),
    outcomes: lines.map((line) => line.dataset.outcome),
    reasons: lines.map((line) => line.querySelector(".reason").textContent),
    content: text("content-body"),
    facts: text("facts-body"),
    status: text("status"),
    notes: [text("give-note"), text("ask-note")],
    elements: document.querySelectorAll("script, img, iframe, object, embed, a, base").length,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  };
}

async function act(page, action) {
  const [[name, value]] = Object.entries(action);
  const file = () => ({
    name: value.name,
    mimeType: value.type ?? "application/octet-stream",
    buffer: Buffer.from(value.base64, "base64"),
  });
  const settled = () =>
    page.waitForFunction(
      () =>
        !document.getElementById("result").hidden ||
        !/^(|Reading.*|正在.*)$/.test(document.getElementById("give-note").textContent),
      null,
      { timeout: 20_000 },
    );
  if (name === "file") {
    await page.setInputFiles("#file", file());
    await settled();
  } else if (name === "drop") {
    await page.evaluate(({ name, base64, piece, times }) => {
      const bytes = piece
        ? new TextEncoder().encode(piece.repeat(times))
        : Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], name));
      const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    }, value);
    await settled();
  } else if (name === "paste") {
    await page.fill("#text", value);
    await page.press("#paste button", "Enter");
    await settled();
  } else if (name === "node") {
    await page.fill("#log", value.log);
    await page.fill("#hashes", value.hashes ?? "");
    await page.fill("#node", value.url ?? "");
    await page.press("#node", "Enter");
    await page.waitForSelector('#ask[aria-busy="false"]', { timeout: 40_000 });
  } else if (name === "language") {
    await page.click(`[data-language="${value}"]`);
  } else if (name === "keys") {
    const reached = [];
    for (let i = 0; i < value; i++) {
      await page.keyboard.press("Tab");
      reached.push(
        await page.evaluate(() => {
          const { id, dataset, textContent } = document.activeElement;
          return id || dataset.language || textContent;
        }),
      );
    }
    return reached;
  } else if (name === "run") {
    return page.evaluate(value);
  } else if (name === "picture") {
    await page.screenshot({ path: value, fullPage: true });
  } else if (name === "wait") {
    await page.waitForTimeout(value);
  }
  return null;
}

// One page for all cases of the same make; each case loads it anew, and it keeps nothing.
const pages = new Map();

async function pageFor(options) {
  const key = JSON.stringify(options);
  if (!pages.has(key)) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.on("request", (request) => {
      const url = request.url();
      if (!/^(blob|data|about):/.test(url)) heard.requests.push({ url, body: request.postData() });
    });
    page.on("pageerror", (error) => heard.errors.push(String(error)));
    page.on("console", (said) => said.type() === "error" && heard.errors.push(said.text()));
    page.on("dialog", (dialog) => {
      heard.dialogs += 1;
      return dialog.dismiss();
    });
    pages.set(key, page);
  }
  const page = pages.get(key);
  await page.goto("about:blank");
  return page;
}

let heard;

async function drive(given) {
  heard = { requests: [], errors: [], dialogs: 0 };
  const page = await pageFor({
    locale: given.language ?? "en",
    viewport: { width: given.width ?? 1000, height: given.height ?? 900 },
    colorScheme: given.dark ? "dark" : "light",
  });
  try {
    const start = performance.now();
    await page.goto(given.open);
    const answers = [];
    for (const action of given.actions ?? []) answers.push(await act(page, action));
    const seconds = (performance.now() - start) / 1000;
    return { ...(await page.evaluate(shown)), answers, ...heard, seconds };
  } catch (error) {
    return { broken: String(error), ...heard };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await drive(JSON.parse(line))));
}
await browser.close();
