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
