// What is handed out: a certificate, read from JSON or from the compact form of a QR code.
//
// Both forms give the same object: { id, record, salt, commitment, signature, leaf, proof, batch,
// anchor, state_proof, review }, as in the JSON, with anchor.block_time in Unix seconds. In the compact
// form record, salt, state_proof and review are null. Version 1 of the JSON has no state proofs, and of a
// review no format, id and commitment.

import { decode, encode } from "cborg";

import {
  Refused,
  ZERO_HASH,
  brief,
  checksumAddress,
  fromBase32,
  fromHex,
  isAddress,
  isHash,
  sameBytes,
  toHex,
} from "./bytes.js";
import { inflate } from "./inflate.js";
import { parse } from "./json.js";
import { BATCH_MAX, PROOF_MAX } from "./merkle.js";
import { TYPES, checkKeys, checkRecord, parseTime } from "./record.js";

export const FORMAT = "civic-diary-certificate/2";
const FORMAT_1 = "civic-diary-certificate/1";
const COMPACT_VERSION = 1;

// --- the bounds ----------------------------------------------------------------------------------

/** Characters of a certificate's JSON: two records of 64 KiB, escaped, with room to spare. */
const JSON_MAX = 1_000_000;
/** How deep its JSON may nest. The format needs five levels. */
const DEPTH_MAX = 12;
/** Bytes of the compact form, inflated. A proof of ten hashes comes to about 700. */
const COMPACT_MAX = 2048;
/** The last second of the year 9999, after which no record and no block can have its time. */
const TIME_MAX = 253_402_300_799;

/** Bytes of a header or a node of a state proof, nodes on a way, and storage slots. */
const PART_MAX = 1024;
const NODES_MAX = 64;
const SLOTS_MAX = 5;

const TYPE_NAMES = Object.fromEntries(Object.entries(TYPES).map(([name, code]) => [code, name]));

/** The keys that a certificate and, in version 1, the review inside it both have. */
const PARTS = ["leaf", "proof", "batch", "anchor", "record", "salt", "signature"];

// What Python calls white space, at both ends of a text; JavaScript's own idea differs by a few.
const BLANK = "[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const HEAD = new RegExp(`^${BLANK}+`);
const TAIL = new RegExp(`${BLANK}+$`);

/** Return the certificate that a text states: JSON, or whatever stands after the last `#`. */
export function read(text) {
  const start = text.replace(HEAD, "");
  return start.startsWith("{") ? readJson(text) : readCompact(start.replace(TAIL, ""));
}

/** Return the text of bytes in UTF-8, no more of it than a certificate has. Throws Refused. */
export function utf8Text(bytes) {
  // A character takes at most four bytes.
  if (bytes.length > 4 * JSON_MAX) throw new Refused("jsonSize", [JSON_MAX], { phrase: "more" });
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused("utf8", [], { phrase: "otherBytes" });
  }
}

// --- JSON ----------------------------------------------------------------------------------------

function readJson(text) {
  // A character takes one or two UTF-16 units: the first test bounds the work of the second.
  if (text.length > 2 * JSON_MAX || (text.length > JSON_MAX && count(text) > JSON_MAX)) {
    throw new Refused("jsonSize", [JSON_MAX], { phrase: "more" });
  }
  return readObject(parse(text, DEPTH_MAX));
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function readObject(value) {
  const format = isObject(value) ? value.format : value;
  if (format !== FORMAT && format !== FORMAT_1) throw new Refused("format", [FORMAT], brief(format));
  const older = format === FORMAT_1;
  const keys = ["format", "id", "commitment", "review", ...PARTS, ...(older ? [] : ["state_proof"])];
  checkObject(value, "certificate", keys);
  const { review } = value;
  const read = older ? readReview1 : readReview;
  const found = review === null ? null : read(review);
  const certificate = ofParts(value, hash(value.commitment), found);
  if (value.id !== certificate.id) throw new Refused("id", [certificate.id], brief(value.id));
  return certificate;
}

function ofParts(value, commitment, review) {
  const { record, salt, state_proof: proof } = value;
  if ((record === null) !== (salt === null)) {
    throw new Refused("recordAndSalt", [], { phrase: "oneOfThem" });
  }
  const certificate = {
    ...readMembership(value),
    commitment,
    signature: signature(value.signature),
    record: record === null ? null : checkRecord(record),
    salt: salt === null ? null : hash(salt),
    review,
    state_proof: (proof ?? null) === null ? null : stateProof(proof),
  };
  certificate.id = identifier(certificate);
  return certificate;
}

/** Return the certificate of a review, which is one like others. */
function readReview(value) {
  const found = isObject(value) ? value : {};
  const whole = found.format === FORMAT && (found.record ?? null) !== null;
  if (!whole || (found.review ?? null) !== null) throw aReview();
  return readObject(value);
}

/** Return the certificate of a review as version 1 has it: its leaf states its commitment. */
function readReview1(value) {
  checkObject(value, "review", PARTS);
  if (value.record === null) throw aReview();
  return ofParts(value, readMembership(value).leaf.commitment, null);
}

const aReview = () => new Refused("aReview", [FORMAT], { phrase: "another" });

function stateProof(value) {
  checkObject(value, "state_proof", ["header", "account", "storage"]);
  const { header, account, storage } = value;
  if (!Array.isArray(storage) || storage.length > SLOTS_MAX) {
    throw new Refused("slots", [SLOTS_MAX], brief(storage));
  }
  return { header: part(header), account: nodes(account), storage: storage.map(nodes) };
}

function nodes(value) {
  if (!Array.isArray(value) || value.length > NODES_MAX) {
    throw new Refused("nodes", [NODES_MAX], brief(value));
  }
  return value.map(part);
}

function part(value) {
  const fits = typeof value === "string" && value.length <= 2 + 2 * PART_MAX;
  if (!fits || !/^0x([0-9a-f]{2})+$/.test(value)) throw new Refused("part", [PART_MAX], brief(value));
  return value;
}

const count = (text) => {
  let found = 0;
  for (const _ of text) found += 1;
  return found;
};

const identifier = ({ anchor, leaf }) => `eip155:${anchor.chain_id}:${anchor.contract}/${leaf.seq}`;

/** Return the keys leaf, proof, batch and anchor, checked. */
function readMembership(value) {
  const { leaf, proof, batch, anchor } = value;
  checkObject(leaf, "leaf", ["seq", "type", "author", "at", "subject", "commitment"]);
  checkObject(batch, "batch", ["number", "root", "first_seq", "count"]);
  checkObject(anchor, "anchor", [
    ...["chain_id", "contract", "transaction_hash", "block_number"],
    ...["block_hash", "block_time", "log_index"],
  ]);
  if (typeof leaf.type !== "string" || !Object.hasOwn(TYPES, leaf.type)) {
    throw new Refused("type", [Object.keys(TYPES)], brief(leaf.type));
  }
  if (!Array.isArray(proof) || proof.length > PROOF_MAX) {
    throw new Refused("proof", [PROOF_MAX], brief(proof));
  }
  return {
    leaf: {
      seq: integer(leaf.seq, "seq"),
      type: leaf.type,
      author: address(leaf.author),
      at: integer(leaf.at, "at", 0, TIME_MAX),
      subject: hash(leaf.subject),
      commitment: hash(leaf.commitment),
    },
    proof: proof.map(hash),
    batch: {
      number: integer(batch.number, "batch number"),
      root: hash(batch.root),
      first_seq: integer(batch.first_seq, "first_seq"),
      count: integer(batch.count, "count", 1, BATCH_MAX),
    },
    anchor: {
      chain_id: integer(anchor.chain_id, "chain_id", 1),
      contract: address(anchor.contract),
      transaction_hash: hash(anchor.transaction_hash),
      block_number: integer(anchor.block_number, "block_number"),
      block_hash: hash(anchor.block_hash),
      block_time: time(anchor.block_time),
      log_index: integer(anchor.log_index, "log_index"),
    },
  };
}

// --- the compact form ----------------------------------------------------------------------------

function readCompact(text) {
  const raw = unpack(text.slice(text.lastIndexOf("#") + 1));
  let fields;
  try {
    fields = decode(raw, { allowIndefinite: false, strict: true });
  } catch (error) {
    throw new Refused("compact", [], error.message);
  }
  if (!Array.isArray(fields) || fields.length !== 20 || fields[0] !== COMPACT_VERSION) {
    throw new Refused("compactFields", [COMPACT_VERSION], brief(fields));
  }
  const proof = fields[10];
  if (!(proof instanceof Uint8Array)) throw new Refused("proofBytes", [], brief(proof));
  if (proof.length % 32) throw new Refused("wholeHashes", [], String(proof.length));
  const blockTime = integer(fields[18], "block time");
  if (blockTime > TIME_MAX) throw new Refused("before10000", [], String(blockTime));
  const member = readMembership({
    leaf: {
      seq: fields[3],
      type: Object.hasOwn(TYPE_NAMES, fields[4]) ? TYPE_NAMES[fields[4]] : null,
      author: checksumAddress(sized(fields[5], 20)),
      at: fields[6],
      subject: fields[7] === null ? ZERO_HASH : hex(fields[7], 32),
      commitment: hex(fields[8], 32),
    },
    proof: Array.from({ length: proof.length / 32 }, (_, i) =>
      toHex(proof.slice(32 * i, 32 * i + 32)),
    ),
    batch: {
      number: fields[11],
      root: hex(fields[12], 32),
      first_seq: fields[13],
      count: fields[14],
    },
    anchor: {
      chain_id: fields[1],
      contract: checksumAddress(sized(fields[2], 20)),
      transaction_hash: hex(fields[15], 32),
      block_number: fields[16],
      block_hash: hex(fields[17], 32),
      block_time: `${new Date(blockTime * 1000).toISOString().slice(0, 19)}Z`,
      log_index: fields[19],
    },
  });
  const certificate = {
    ...member,
    commitment: hex(fields[8], 32),
    signature: hex(fields[9], 65),
    record: null,
    salt: null,
    review: null,
    state_proof: null,
  };
  certificate.id = identifier(certificate);
  // One way to write it only: written again it must give the same bytes.
  if (!sameBytes(raw, encode(compactFields(certificate)))) {
    throw new Refused("deterministic", [], { phrase: "anotherWay" });
  }
  return certificate;
}

/** Return the twenty fields of the compact form. */
function compactFields({ leaf, proof, batch, anchor, signature: signed }) {
  return [
    COMPACT_VERSION,
    anchor.chain_id,
    fromHex(anchor.contract),
    leaf.seq,
    TYPES[leaf.type],
    fromHex(leaf.author),
    leaf.at,
    leaf.subject === ZERO_HASH ? null : fromHex(leaf.subject),
    fromHex(leaf.commitment),
    fromHex(signed),
    fromHex(`0x${proof.map((node) => node.slice(2)).join("")}`),
    batch.number,
    fromHex(batch.root),
    batch.first_seq,
    batch.count,
    fromHex(anchor.transaction_hash),
    anchor.block_number,
    fromHex(anchor.block_hash),
    anchor.block_time,
    anchor.log_index,
  ];
}

/** Return the CBOR inside base32 and DEFLATE, at most COMPACT_MAX bytes. Throws Refused. */
function unpack(text) {
  if (text.length > 2 * COMPACT_MAX || !/^[A-Z2-7]+$/.test(text)) {
    throw new Refused("base32", [], brief(text));
  }
  const packed = fromBase32(text);
  try {
    if (packed) return inflate(packed, COMPACT_MAX);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new Refused("compact", [], { phrase: "cutOrLong" });
}

// --- part by part --------------------------------------------------------------------------------

function checkObject(value, name, keys) {
  checkKeys(value, new Refused("keys", [name, [...keys].sort()], brief(value)), keys);
}

function integer(value, name, least = 0, most = Number.MAX_SAFE_INTEGER) {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new Refused("integer", [name, least, most], brief(value));
  }
  return value;
}

function hash(value) {
  if (!isHash(value)) throw new Refused("hash", [], brief(value));
  return value;
}

function signature(value) {
  if (typeof value !== "string" || !/^0x[0-9a-f]{130}$/.test(value)) {
    throw new Refused("signature", [], brief(value));
  }
  return value;
}

function address(value) {
  if (!isAddress(value)) throw new Refused("address", [], brief(value));
  return value;
}

function time(value) {
  const seconds = parseTime(value);
  if (seconds === null || seconds < 0) throw new Refused("time", [], brief(value));
  return seconds;
}

function sized(value, size) {
  if (!(value instanceof Uint8Array) || value.length !== size) {
    throw new Refused("bytes", [size], brief(value));
  }
  return value;
}

const hex = (value, size) => toHex(sized(value, size));
