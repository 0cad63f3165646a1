// Commitments by ethers: a record with its salt a line in (JSON), its canonical form and its
// commitment a line out.

import { createInterface } from "node:readline";

import { concat, keccak256, toUtf8Bytes } from "ethers";

/** RFC 8785 for what a record holds: texts, whole numbers, null, lists, objects. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value === "string") return JSON.stringify(value);
  if (Number.isSafeInteger(value)) return String(value);
  if (typeof value !== "object") throw new Error(`no part of a record: ${value}`);
  // JavaScript sorts texts by their UTF-16 units, as the RFC asks.
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { record, salt } = JSON.parse(line);
  const text = canonical(record);
  const commitment = keccak256(concat([salt, toUtf8Bytes(text)]));
  console.log(JSON.stringify({ canonical: text, commitment }));
}
