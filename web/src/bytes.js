// Bytes, hashes, addresses, and how anything is refused. Knows nothing of certificates.

import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";

const HASH = /^0x[0-9a-f]{64}$/;

export const ZERO_HASH = `0x${"00".repeat(32)}`;

/**
 * What breaks the format. `expected` names a phrase of words.js, `args` are its values, and `got` is
 * what came instead: a text to be shown as it is, or the name of a phrase, as `{ phrase }`.
 */
export class Refused extends Error {
  constructor(expected, args = [], got = "") {
    super(`expected ${expected}`);
    Object.assign(this, { expected, args, got });
  }
}

/** Return a value short enough for a message, however long or deep it is. */
export function brief(value) {
  let shown;
  if (typeof value === "string") shown = value;
  else if (Array.isArray(value)) shown = `[${value.length}]`;
  else if (value instanceof Uint8Array) shown = toHex(value);
  else if (value && typeof value === "object") shown = `{${Object.keys(value).join(", ")}}`;
  else shown = String(value);
  const letters = Array.from(shown.slice(0, 200)); // whole characters, not halves of them
  return letters.length <= 80 ? letters.join("") : `${letters.slice(0, 77).join("")}…`;
}

export const toHex = (bytes) => `0x${bytesToHex(bytes)}`;
export const fromHex = (text) => hexToBytes(text.slice(2));
export const keccak = (...parts) => keccak_256(concatBytes(...parts));
export const isHash = (value) => typeof value === "string" && HASH.test(value);
export const utf8 = (text) => new TextEncoder().encode(text);

/** Return a whole number (or BigInt) as the 32 bytes of a Solidity word. */
export function word(value) {
  return hexToBytes(BigInt(value).toString(16).padStart(64, "0"));
}

/** Return an address as the 32 bytes of a Solidity word. */
export const addressWord = (address) => hexToBytes(address.slice(2).toLowerCase().padStart(64, "0"));

/** Return the address of 20 bytes with the capitals of EIP-55. */
export function checksumAddress(bytes) {
  const letters = bytesToHex(bytes);
  const hash = bytesToHex(keccak(utf8(letters)));
  const written = Array.from(letters, (c, i) => (parseInt(hash[i], 16) >= 8 ? c.toUpperCase() : c));
  return `0x${written.join("")}`;
}

export function isAddress(value) {
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(value)) return false;
  return checksumAddress(fromHex(value.toLowerCase())) === value;
}

/** Return the bytes of base32 in capitals without padding (RFC 4648), or null. */
export function fromBase32(text) {
  // 1, 3 or 6 letters at the end can't be whole bytes.
  if (!/^[A-Z2-7]+$/.test(text) || [1, 3, 6].includes(text.length % 8)) return null;
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let bits = 0;
  let value = 0;
  let at = 0;
  for (const letter of text) {
    value = ((value << 5) | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (value >> bits) & 0xff;
    }
  }
  return bytes;
}

export function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
