// What is handed out: a certificate, read from JSON or from the compact form of a QR code.
//
// Both forms give the same object: { id, record, salt, commitment, signature, leaf, proof, batch,
// anchor, review }, as in the JSON, with anchor.block_time in Unix seconds. In the compact form
// record, salt and review are null.

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

export const FORMAT = "civic-diary-certificate/1";
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

const TYPE_NAMES = Object.fromEntries(Object.entries(TYPES).map(([name, code]) => [code, name]));

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
  const value = parse(text, DEPTH_MAX);
  const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
  if (!isObject || value.format !== FORMAT) {
    throw new Refused("format", [FORMAT], brief(isObject ? value.format : value));
  }
  const keys = ["format", "id", "commitment", "signature", "leaf", "proof", "batch", "anchor"];
  checkObject(value, "certificate", [...keys, "record", "salt", "review"]);
  const { record, salt, review } = value;
  if ((record === null) !== (salt === null)) {
    throw new Refused("recordAndSalt", [], { phrase: "oneOfThem" });
  }
  const certificate = {
    ...readMembership(value),
    commitment: hash(value.commitment),
    signature: signature(value.signature),
    record: record === null ? null : checkRecord(record),
    salt: salt === null ? null : hash(salt),
    review: review === null ? null : readReview(review),
  };
  certificate.id = identifier(certificate);
  if (value.id !== certificate.id) throw new Refused("id", [certificate.id], brief(value.id));
  return certificate;
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

function readReview(value) {
  const keys = ["leaf", "proof", "batch", "anchor", "record", "salt", "signature"];
  checkObject(value, "review", keys);
  const member = readMembership(value);
  return {
    ...member,
    commitment: member.leaf.commitment, // stated there alone
    signature: signature(value.signature),
    record: checkRecord(value.record),
    salt: hash(value.salt),
    review: null,
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
