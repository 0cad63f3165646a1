// OpenZeppelin's own trees: a batch a line in (JSON), its root and all its proofs a line out.
//
// A batch: the leaves as arrays of their six fields, numbers as decimal texts.

import { createInterface } from "node:readline";

import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const TYPES = ["uint64", "uint8", "address", "uint64", "bytes32", "bytes32"];

for await (const line of createInterface({ input: process.stdin })) {
  const leaves = JSON.parse(line);
  const tree = StandardMerkleTree.of(leaves, TYPES);
  tree.validate();
  const hashes = leaves.map((leaf) => tree.leafHash(leaf));
  const proofs = leaves.map((_, number) => tree.getProof(number));
  console.log(JSON.stringify({ root: tree.root, hashes, proofs, nodes: tree.dump().tree }));
}
