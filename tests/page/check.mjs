// What the page finds, without a browser: a case a line in (JSON), what was found a line out.
//
// A case: { text } or { bytes } (in base64), and { node, log }, two addresses, to take steps 6 to 9.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { askChain } from "../../web/src/chain.js";
import { claimed, level, verify } from "../../web/src/verify.js";
import { WORDS, sentence } from "../../web/src/words.js";

const artifact = new URL("../../kit/chain/artifacts/DiaryLog.json", import.meta.url);
const { runtime } = JSON.parse(readFileSync(artifact, "utf8"));

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  const { certificate, steps } = verify(given.text ?? Buffer.from(given.bytes, "base64"));
  if (given.node && certificate) {
    const named = { url: given.node, log: given.log };
    await askChain(certificate, named, runtime, (step) => (steps[step.number - 1] = step));
  }
  const reached = level(certificate, steps);
  const found = {
    id: certificate?.id ?? "no certificate",
    level: reached.key === "notACertificate" ? "failed" : reached.key,
    said: WORDS.en.levels[reached.key](...reached.args),
    outcomes: steps.map((step) => step.outcome),
    claimed: claimed(certificate, steps),
    reasons: steps.map((step) => sentence(WORDS.en, step.reason)),
    chinese: steps.map((step) => sentence(WORDS.zh, step.reason)),
  };
  console.log(JSON.stringify(found));
}
