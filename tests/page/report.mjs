// Opens a report in a headless Chromium at some widths, and prints what it finds as JSON.
//
// node report.mjs ADDRESS WIDTH=PICTURE… (the picture may be empty: none is made).

import { launch } from "./browser.mjs";

const [address, ...sizes] = process.argv.slice(2);
const browser = await launch();
const found = {};

for (const size of sizes) {
  const [width, path] = size.split("=");
  const page = await browser.newPage({ viewport: { width: Number(width), height: 900 } });
  const heard = { requests: [], errors: [], dialogs: 0 };
  page.on("request", (request) => {
    if (!/^(data|about):/.test(request.url())) heard.requests.push(request.url());
  });
  page.on("pageerror", (error) => heard.errors.push(String(error)));
  page.on("console", (said) => said.type() === "error" && heard.errors.push(said.text()));
  page.on("dialog", (dialog) => {
    heard.dialogs += 1;
    return dialog.dismiss();
  });
  await page.goto(address);
  const seen = await page.evaluate(() => ({
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    images: document.images.length,
    shown: Array.from(document.images).filter((image) => image.naturalWidth > 0).length,
    scripts: document.scripts.length,
    title: document.title,
  }));
  found[width] = { ...heard, ...seen };
  if (path) await page.screenshot({ path, fullPage: true });
  await page.close();
}
console.log(JSON.stringify(found));
await browser.close();
