// What the page's modules make of the test vectors: the folder is the argument; for each file a list
// of what was found, a case each, comes out as JSON.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Refused } from "../../web/src/bytes.js";
import { read, utf8Text } from "../../web/src/certificate.js";
import { askHashes } from "../../web/src/chain.js";
import { canonical } from "../../web/src/json.js";
import { leafHash, rootFromProof } from "../../web/src/merkle.js";
import { checkRecord, commitment, signer } from "../../web/src/record.js";
import { claimed, level, verify } from "../../web/src/verify.js";
import { WORDS, sentence } from "../../web/src/words.js";

const outcomes = (text) => verify(text).steps.map((step) => step.outcome);

/** Return steps 2 to 5 of the review in a certificate, as one of its own; null if there is none. */
function reviewOutcomes({ format, review }) {
  if (!review) return null;
  const { chain_id: chain, contract } = review.anchor;
  const id = `eip155:${chain}:${contract}/${review.leaf.seq}`;
  const { commitment } = review.leaf; // version 1 states it there alone
  return outcomes(JSON.stringify({ format, id, commitment, ...review, review: null })).slice(1, 5);
}

/** Return what the page finds with a log and the hashes of blocks, and no node. */
function byState({ certificate: told, log, block_hashes: hashes }) {
  const { certificate, steps } = verify(JSON.stringify(told));
  const all = [...steps.slice(0, 5), ...askHashes(certificate, { log, hashes: hashes.join(" ") })];
  const words = all.map((step) => sentence(WORDS.en, step.reason));
  return {
    id: certificate.id,
    level: level(certificate, all).key,
    steps: all.map((step) => step.outcome),
    words,
    claimed: claimed(certificate, all),
  };
}

/** Return what was expected, in the page's English words, or null if nothing was refused. */
function refused(take) {
  try {
    take();
    return null;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return WORDS.en.expected[error.expected](...error.args);
  }
}

const refusals = {
  record: ({ record }) => checkRecord(record),
  certificate: ({ text }) => read(text),
  bytes: ({ base64 }) => read(utf8Text(Buffer.from(base64, "base64"))),
  compact: ({ text }) => read(text),
  signature: (x) => signer(x.commitment, x.signature, x.chain_id, x.contract),
};

/** Return the root that each leaf of a tree's flat array leads to. */
function roots({ nodes, leaves }) {
  return nodes.slice(leaves.length - 1).map((leaf, i) => {
    const proof = [];
    for (let at = leaves.length - 1 + i; at > 0; at = (at - 1) >> 1) {
      proof.push(nodes[at % 2 ? at + 1 : at - 1]);
    }
    return rootFromProof(leaf, proof);
  });
}

const FOUND = {
  records: ({ record }) => Buffer.from(canonical(checkRecord(record))).toString(),
  commitments: ({ record, salt }) => commitment(record, salt),
  signatures: (x) => signer(x.commitment, x.signature, x.chain_id, x.contract),
  leaves: ({ leaf }) => leafHash(leaf),
  trees: (tree) => (tree.nodes ? roots(tree) : null), // the page builds no trees
  proofs: ({ leaf, proof, root }) => rootFromProof(leaf, proof) === root,
  certificates: ({ certificate }) => {
    const text = JSON.stringify(certificate);
    const told = read(text);
    return { id: told.id, steps: outcomes(text), review: reviewOutcomes(certificate) };
  },
  state_proofs: byState,
  compact: ({ compact }) => ({ id: read(compact).id, steps: outcomes(compact) }),
  refused: (x) => refused(() => refusals[x.kind](x)),
};

const found = {};
for (const [name, find] of Object.entries(FOUND)) {
  const { cases } = JSON.parse(readFileSync(join(process.argv[2], `${name}.json`), "utf8"));
  found[name] = cases.map(find);
}
console.log(JSON.stringify(found));
