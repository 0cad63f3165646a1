// What is proved: the hash of a leaf, and the root that an inclusion proof leads to.
//
// As in OpenZeppelin's standard tree: a leaf is hashed twice, a node is the hash of its two children
// in sorted order.

import { addressWord, fromHex, keccak, toHex, word } from "./bytes.js";
import { TYPES } from "./record.js";

/** A batch has at most 1,024 leaves, so a proof has at most ten hashes. */
export const BATCH_MAX = 1024;
export const PROOF_MAX = 10;

/** Return `keccak256(keccak256(abi.encode(seq, type, author, at, subject, commitment)))`. */
export function leafHash(leaf) {
  return toHex(
    keccak(
      keccak(
        word(leaf.seq),
        word(TYPES[leaf.type]),
        addressWord(leaf.author),
        word(leaf.at),
        fromHex(leaf.subject),
        fromHex(leaf.commitment),
      ),
    ),
  );
}

/** Return the root that a leaf and its inclusion proof lead to. */
export function rootFromProof(leaf, proof) {
  // Hex digits in small letters sort as the bytes do.
  return proof.reduce((node, sibling) => {
    const [low, high] = node < sibling ? [node, sibling] : [sibling, node];
    return toHex(keccak(fromHex(low), fromHex(high)));
  }, leaf);
}

const PLACE = [
  ...["chain_id", "contract", "transaction_hash", "block_number"],
  ...["block_hash", "block_time", "log_index"],
];

/**
 * Return why the batches of two parts can't both stand in one log, as the name of a reason and its
 * arguments, or null. Batches follow each other without a gap, and so do their records and blocks.
 */
export function contradiction(...parts) {
  const [first, second] = parts.sort((a, b) => a.batch.number - b.batch.number);
  const [a, b] = [first.batch, second.batch];
  if (a.number === b.number) {
    const name =
      ["root", "first_seq", "count"].find((key) => a[key] !== b[key]) ??
      PLACE.find((key) => first.anchor[key] !== second.anchor[key]);
    return name ? ["toldTwice", a.number, name] : null;
  }
  const between = b.number - a.number - 1;
  const leftOut = b.first_seq - a.first_seq - a.count;
  if (leftOut < between || leftOut > between * BATCH_MAX) return ["numbersDontFit", a.number, b.number];
  return inOrder(first.anchor, second.anchor) ? null : ["blocksDontFit", a.number, b.number];
}

/** Return whether a batch with the first anchor can stand before one with the second. */
function inOrder(first, second) {
  if (first.block_number === second.block_number) {
    const block = first.block_hash === second.block_hash && first.block_time === second.block_time;
    return block && first.log_index < second.log_index;
  }
  const earlier = first.block_number < second.block_number && first.block_time <= second.block_time;
  const apart = first.block_hash !== second.block_hash;
  return earlier && apart && first.transaction_hash !== second.transaction_hash;
}
