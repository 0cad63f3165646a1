// Prints the path of the browser that the tests open pages in. Where there is none: why, and 3.

import { NoBrowser, find } from "./browser.mjs";

try {
  console.log((await find()).executablePath);
} catch (error) {
  if (!(error instanceof NoBrowser)) throw error;
  console.log(error.message);
  process.exitCode = 3;
}
