// What a block's hash proves by itself: that a log held a batch when that block was over.
//
// The header of a block hashes to its hash and names the root of the state's tree; an account there names
// its code and the root of its storage. A state proof has the nodes on the way down (EIP-1186). The slots
// are those of kit/core/state_proof.py.

import { decodeRlp, encodeRlp } from "ethers";

import { addressWord, fromHex, isHash, keccak, toHex, utf8, word } from "./bytes.js";

/** In which storage slots the roles and the batches of a log begin, by the hash of its code. */
const LAYOUT = { roles: 0, batches: 1 };
export const LAYOUTS = {
  "0x38ac0c1197c02c6c52fc2c61dcf772fce3af1882b1a48c97ba7dcf463c1d09d4": LAYOUT,
};
const MODERATOR_ROLE = keccak(utf8("MODERATOR_ROLE"));
/** The root of a tree in which nothing is. */
const EMPTY = toHex(keccak(Uint8Array.of(0x80)));

/** A state proof doesn't lead from its header to the log's storage. */
export class Nowhere extends Error {}

/** Return the storage slots that tell of a batch, as BigInt, in the order of a state proof. */
export function slots(number, moderator = null) {
  const first = BigInt(toHex(keccak(word(LAYOUT.batches)))) + 2n * BigInt(number);
  const found = [BigInt(LAYOUT.batches), first, first + 1n];
  if (number > 0) found.push(first - 1n);
  if (moderator !== null) {
    const members = keccak(MODERATOR_ROLE, word(LAYOUT.roles));
    found.push(BigInt(toHex(keccak(addressWord(moderator), members))));
  }
  return found;
}

/**
 * Return what a state proof shows of a contract's slots if its block is the right one: { hash, number,
 * time, code, values }, the values as BigInt. Throws Nowhere.
 */
export function state({ header, account, storage }, contract, of) {
  const fields = items(header, 15);
  const parts = items(valueAt(fields[3], contract.toLowerCase(), account), 4);
  if (storage.length !== of.length) throw new Nowhere();
  return {
    hash: toHex(keccak(fromHex(header))),
    number: whole(fields[8]),
    time: whole(fields[11]),
    code: parts[3],
    values: of.map((slot, i) => slotValue(valueAt(parts[2], toHex(word(slot)), storage[i]))),
  };
}

/**
 * Return the value below keccak256(key) in a tree with a root, "0x" if there is none; all in hex. `nodes`
 * are those on the way, from the root on, and no others. Throws Nowhere.
 */
export function valueAt(root, key, nodes) {
  if (!isHash(root)) throw new Nowhere();
  const unused = [...nodes];
  const nibbles = toHex(keccak(fromHex(key))).slice(2);
  const value = !nodes.length && root === EMPTY ? "0x" : below(root, nibbles, unused);
  if (unused.length) throw new Nowhere(); // each node must be needed, or its bits could be changed unseen
  return value;
}

/** Return the value below a node that a reference leads to; nibbles are the hex digits that are left. */
function below(reference, nibbles, unused) {
  if (reference === "0x") return "0x";
  const node = nodeOf(reference, unused);
  if (node.length === 17) {
    if (!nibbles) return text(node[16]);
    return below(node[parseInt(nibbles[0], 16)], nibbles.slice(1), unused);
  }
  if (node.length !== 2) throw new Nowhere();
  const { isLeaf, part } = path(text(node[0]).slice(2));
  const leads = nibbles.startsWith(part);
  if (isLeaf) return part === nibbles ? text(node[1]) : "0x";
  return leads ? below(node[1], nibbles.slice(part.length), unused) : "0x";
}

/** Return the node that a reference means: the next one that was given, or a short one in its parent. */
function nodeOf(reference, unused) {
  if (Array.isArray(reference)) return reference;
  const raw = unused.shift();
  if (!raw || toHex(keccak(fromHex(raw))) !== reference) throw new Nowhere();
  const node = decoded(raw);
  if (!Array.isArray(node)) throw new Nowhere();
  return node;
}

/** Return the nibbles of a short node's path, and whether it is a leaf's: hex-prefix encoding. */
function path(digits) {
  if (!digits) throw new Nowhere();
  const flag = parseInt(digits[0], 16);
  return { isLeaf: (flag & 2) !== 0, part: digits.slice(flag & 1 ? 1 : 2) };
}

/** Return what RLP states: hex, or a list of such. There is one way to write it. */
function decoded(raw) {
  let found;
  try {
    found = decodeRlp(raw);
  } catch {
    throw new Nowhere();
  }
  if (encodeRlp(found) !== raw) throw new Nowhere();
  return found;
}

function text(value) {
  if (typeof value !== "string") throw new Nowhere();
  return value;
}

/** Return the parts of a list of byte strings, at least so many. */
function items(raw, least) {
  const found = decoded(raw);
  if (!Array.isArray(found) || found.length < least) throw new Nowhere();
  return found.map(text);
}

/** Return what stands in a storage slot; it is written without its leading zeros. */
const slotValue = (raw) => (raw === "0x" ? 0n : whole(text(decoded(raw))));

const whole = (raw) => (raw === "0x" ? 0n : BigInt(raw));
