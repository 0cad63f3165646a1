// What is said: the rules of a record, its canonical bytes, its commitment, its signer.

import { secp256k1 } from "@noble/curves/secp256k1.js";

import {
  Refused,
  addressWord,
  brief,
  checksumAddress,
  fromHex,
  isAddress,
  isHash,
  keccak,
  toHex,
  utf8,
  word,
  ZERO_HASH,
} from "./bytes.js";
import { canonical } from "./json.js";

/** The record types and their codes in a leaf. */
export const TYPES = {
  entry: 1,
  review: 2,
  witness: 3,
  withdrawal: 4,
  appeal: 5,
  bulletin: 6,
};
export const DECISIONS = ["approve", "reject", "suspend", "reinstate"];

// The limits of the format; lengths of texts count characters (code points), not UTF-16 units.
const TEXT_MAX = 5000;
const NAME_MAX = 80;
const ATTACHMENTS_MAX = 9;
const ATTACHMENT_BYTES_MAX = 8 * 1024 * 1024;
const BODY_BYTES_MAX = 64 * 1024;
const MEDIA_TYPES = [
  "image/png",
  "image/jpeg",
  "image/webp",
  "image/gif",
  "video/mp4",
  "video/webm",
];

const UNSEEN = /^[\p{Zs}\p{Zl}\p{Zp}\p{Cc}\p{Cf}]*$/u;
const CONTROL = /[\p{Cc}\p{Cs}]/u;
const CONTROL_BUT_BREAKS = /(?![\n\t])[\p{Cc}\p{Cs}]/u;
const SIGNATURE = /^0x[0-9a-f]{128}(1b|1c)$/;
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/** Check a value that a JSON reader gave: it is an object with these keys and no others. */
export function checkKeys(value, refused, keys) {
  const found = isObject(value) ? Object.keys(value) : [];
  if (found.length !== keys.length || !keys.every((key) => found.includes(key))) throw refused;
}

const isObject = (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** Return the Unix seconds of a UTC time like 2021-09-20T08:00:00Z, or null. */
export function parseTime(value) {
  const shape = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/;
  const found = typeof value === "string" && shape.exec(value);
  if (!found || found[1] === "0000") return null;
  const date = new Date(value);
  // A Date takes 24:00 and 30 February, and moves them: what comes back must be what was said.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== value.replace("Z", ".000Z")) {
    return null;
  }
  return date.getTime() / 1000;
}

/** Check the rules of a record, and return it. Throws Refused. */
export function checkRecord(value) {
  const keys = ["v", "type", "author", "at", "subject", "body"];
  checkKeys(value, new Refused("recordKeys", [[...keys].sort()], brief(value)), keys);
  const { v, type, author, at, subject, body } = value;
  if (v !== 1) throw new Refused("recordVersion", [], brief(v));
  const time = parseTime(at);
  if (time === null) throw new Refused("recordTime", [], brief(at));
  if (typeof type !== "string" || !Object.hasOwn(TYPES, type)) {
    throw new Refused("type", [Object.keys(TYPES)], brief(type));
  }
  if (!isAddress(author)) throw new Refused("author", [], brief(author));
  if (time < 0) throw new Refused("recordSince", [], at);
  checkSubject(type, subject);
  checkBody(type, body);
  const size = canonical(value).length;
  if (size > BODY_BYTES_MAX) throw new Refused("recordSize", [BODY_BYTES_MAX], String(size));
  return value;
}

function checkSubject(type, subject) {
  if (subject === null && (type === "entry" || type === "bulletin")) return;
  if (type === "entry") throw new Refused("noSubject", [], brief(subject));
  if (!isHash(subject) || subject === ZERO_HASH) {
    throw new Refused("subject", [type], brief(subject));
  }
}

function checkBody(type, body) {
  const keys = {
    entry: ["text", "place", "role", "attachments"],
    review: ["decision", "reason_code", "reason"],
    witness: ["note"],
    withdrawal: ["reason"],
    appeal: ["text"],
    bulletin: ["source", "as_of", "figures"],
  }[type];
  checkKeys(body, new Refused("bodyKeys", [type, keys], brief(body)), keys);
  if (type === "entry") {
    checkText(body.text, "text");
    checkLine(body.place, "place");
    checkLine(body.role, "role");
    checkAttachments(body.attachments);
  } else if (type === "review") {
    if (!DECISIONS.includes(body.decision)) {
      throw new Refused("decision", [DECISIONS], brief(body.decision));
    }
    checkLine(body.reason_code, "reason_code", { empty: true });
    checkText(body.reason, "reason", { empty: true });
  } else if (type === "bulletin") {
    checkBulletin(body);
  } else {
    checkText(body[keys[0]], keys[0], { empty: type !== "appeal" });
  }
}

function checkBulletin({ source, as_of: asOf, figures }) {
  if (!isObject(figures) || !Object.keys(figures).length) {
    throw new Refused("figures", [], brief(figures));
  }
  for (const [name, value] of Object.entries(figures)) {
    if (!Number.isSafeInteger(value)) throw new Refused("figure", [], brief(value));
    checkLine(name, "figureName");
  }
  checkText(source, "source");
  const time = parseTime(asOf);
  if (time === null || time < 0) throw new Refused("recordTime", [], brief(asOf));
}

function checkAttachments(files) {
  if (!Array.isArray(files) || files.length > ATTACHMENTS_MAX) {
    throw new Refused("files", [ATTACHMENTS_MAX], brief(files));
  }
  for (const file of files) {
    const keys = ["name", "media_type", "size", "sha256"];
    checkKeys(file, new Refused("fileKeys", [[...keys].sort()], brief(file)), keys);
    if (!Number.isSafeInteger(file.size) || file.size < 1 || file.size > ATTACHMENT_BYTES_MAX) {
      throw new Refused("fileSize", [ATTACHMENT_BYTES_MAX], brief(file.size));
    }
    if (!MEDIA_TYPES.includes(file.media_type)) {
      throw new Refused("mediaType", [MEDIA_TYPES], brief(file.media_type));
    }
    if (!isHash(file.sha256)) throw new Refused("sha256", [], brief(file.sha256));
    checkLine(file.name, "fileName");
    if (/[/\\]/.test(file.name)) throw new Refused("fileNoFolders", [], brief(file.name));
  }
}

/** Check a short text of one line. */
function checkLine(value, what, { empty = false } = {}) {
  checkText(value, what, { empty, limit: NAME_MAX, control: CONTROL });
}

function checkText(
  value,
  what,
  { empty = false, limit = TEXT_MAX, control = CONTROL_BUT_BREAKS } = {},
) {
  if (typeof value !== "string") throw new Refused("asText", [what], brief(value));
  // Blanks, and what has no width, can't be told from an empty text.
  if (UNSEEN.test(value) && !(empty && !value)) {
    throw new Refused("textLength", [what, limit], { phrase: "emptyText" });
  }
  const length = Array.from(value).length;
  if (length > limit) throw new Refused("textMost", [what, limit], String(length));
  const found = control.exec(value);
  if (found) {
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    throw new Refused("noControls", [what], `U+${code}`);
  }
  if (value.normalize("NFC") !== value) {
    throw new Refused("normalForm", [], { phrase: "changesWhenRead" });
  }
}

/** Return `keccak256(salt ‖ canonical bytes)`. */
export const commitment = (record, salt) => toHex(keccak(fromHex(salt), canonical(record)));

// --- signatures (EIP-712) ------------------------------------------------------------------------

const DOMAIN_TYPE = keccak(
  utf8("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
);
const DOMAIN_NAME = keccak(utf8("Civic Diary"));
const DOMAIN_VERSION = keccak(utf8("1"));
const RECORD_TYPE = keccak(utf8("Record(bytes32 commitment)"));

/** Return what an author signs for a record: the digest of EIP-712. */
function signedDigest(committed, chainId, contract) {
  const domain = keccak(
    DOMAIN_TYPE,
    DOMAIN_NAME,
    DOMAIN_VERSION,
    word(chainId),
    addressWord(contract),
  );
  return keccak(utf8("\x19\x01"), domain, keccak(RECORD_TYPE, fromHex(committed)));
}

/** Return the address whose key made a signature. Throws Refused if none can have. */
export function signer(committed, signature, chainId, contract) {
  if (!SIGNATURE.test(signature)) throw new Refused("signatureForm", [], brief(signature));
  if (BigInt(`0x${signature.slice(66, 130)}`) > HALF_ORDER) {
    // Each signature has a twin with the other s; only the lower is taken (EIP-2).
    throw new Refused("lowS", [], { phrase: "higher" });
  }
  try {
    const raw = fromHex(signature);
    const key = secp256k1.Signature.fromBytes(raw.slice(0, 64), "compact")
      .addRecoveryBit(raw[64] - 27)
      .recoverPublicKey(signedDigest(committed, chainId, contract));
    return checksumAddress(keccak(key.toBytes(false).slice(1)).slice(12));
  } catch {
    throw new Refused("signatureForm", [], { phrase: "none" });
  }
}
