// Nine numbered steps from a certificate to the chain; 1 to 5 are here, 6 to 9 in chain.js.
//
// Steps 2 to 5 are taken for the record and for the review inside the certificate. What the certificate
// itself has against 7 or 8 fails them here, too.
//
// 1 format · 2 content · 3 signature · 4 leaf · 5 proof · 6 log · 7 block · 8 review · 9 since then.
// The numbers are those of the kit's `verify`. Reasons are { key, args }: words.js has the sentences.

import { Refused, ZERO_HASH } from "./bytes.js";
import { FORMAT, read } from "./certificate.js";
import { decoded, unwrapped } from "./given.js";
import shared from "../../kit/core/words.json" with { type: "json" };
import { contradiction, leafHash, rootFromProof } from "./merkle.js";
import { commitment, parseTime, signer } from "./record.js";
import { LAYOUTS, Nowhere, slots, state } from "./state.js";

export const PASSED = "passed";
export const FAILED = "failed";
export const UNANSWERED = "unanswered";
export const NOT_ASKED = "not asked";
export const DOES_NOT_APPLY = "does not apply";
export const STEPS = 9;

export const because = (key, ...args) => ({ key, args });

/** A step failed, for a reason. */
export class Failed extends Error {
  constructor(key, ...args) {
    super(key);
    this.reason = because(key, ...args);
  }
}

/** A step neither passed nor failed: it was not asked, has no answer, or does not apply. */
export class Open extends Failed {
  constructor(outcome, key, ...args) {
    super(key, ...args);
    this.outcome = outcome;
  }
}

const why = (error) =>
  error instanceof Refused
    ? because("refused", error.expected, error.args, error.got)
    : error.reason;

/** Take one step: `check` returns the reason why it passed, or throws. */
export function take(number, check) {
  try {
    return { number, outcome: PASSED, reason: check() };
  } catch (error) {
    return judged(number, error);
  }
}

/** Return the step that an error makes of it. Throws on what is no answer to the question. */
export function judged(number, error) {
  if (error instanceof Open) return { number, outcome: error.outcome, reason: why(error) };
  if (error instanceof Failed || error instanceof Refused) {
    return { number, outcome: FAILED, reason: why(error) };
  }
  throw error;
}

/**
 * Take steps 1 to 5 of what a reader gave: a text, or the bytes of a file. Returns { certificate,
 * steps }, all nine; the certificate is null if there is none.
 */
export function verify(given) {
  let certificate;
  try {
    certificate = read(unwrapped(typeof given === "string" ? given : decoded(given)));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { certificate: null, steps: [judged(1, error), ...notAsked(2, because("nothing"))] };
  }
  return { certificate, steps: [...stepsAlone(certificate), ...unasked(certificate)] };
}

/** Take steps 1 to 5. */
function stepsAlone(certificate) {
  const checks = [content, signature, leaf, proof];
  const ofEach = checks.map((check, i) => takeOfEach(i + 2, check, certificate));
  return [take(1, () => format(certificate)), ...ofEach];
}

/** Take one step of the record and of the review that the certificate holds. */
function takeOfEach(number, check, certificate) {
  const own = take(number, () => check(certificate));
  if (!certificate.review) return own;
  const review = take(number, () => check(certificate.review));
  const order = [PASSED, NOT_ASKED, FAILED];
  const outcome = order[Math.max(order.indexOf(own.outcome), order.indexOf(review.outcome))];
  const told = [own, review].map((step) =>
    outcome !== FAILED || step.outcome === FAILED ? step.reason : null,
  );
  return { number, outcome, reason: because("ofEach", ...told) };
}

/** Return steps 6 to 9 as they are while no log was named. */
export function unasked(certificate) {
  const reasons = ["noLogBatch", "noLogBlock", "noLog", "noLog"];
  const checks = reasons.map((key, i) => () => {
    if (i === 0) checkState(certificate);
    if (i === 1) checkTime(certificate);
    if (i === 2) checkReview(certificate);
    throw new Open(NOT_ASKED, key);
  });
  return checks.map((check, i) => take(i + 6, check));
}

/** What a state proof doesn't show: it has the log after the block, and not by which transaction. */
const BESIDE_STATE = ["anchor.transaction_hash", "anchor.log_index"];

/** Return the fields that only a chain can confirm, and that none has: the certificate's claims. */
export function claimed(certificate, steps) {
  if (!certificate) return [];
  const passed = (number) => steps[number - 1].outcome === PASSED;
  const left = (number) => (steps[number - 1].named ? BESIDE_STATE : []);
  const own = passed(6) && passed(7) ? left(7) : shared.claimed;
  let review = certificate.review ? shared.claimed : [];
  if (passed(8)) review = left(8);
  return [...own, ...review.map((name) => `review.${name}`)];
}

/** Return the steps from a number on as not asked, for one reason. */
function notAsked(first, reason) {
  const numbers = Array.from({ length: STEPS - first + 1 }, (_, i) => first + i);
  return numbers.map((number) => ({ number, outcome: NOT_ASKED, reason }));
}

/**
 * Return the level that nine steps reach, as { key, args }: one of the five of words.json, or
 * notACertificate. Step 7 says where its block stands.
 */
export function level(certificate, steps) {
  if (!certificate) return because("notACertificate");
  for (const outcome of [FAILED, UNANSWERED]) {
    const numbers = steps.filter((step) => step.outcome === outcome).map((step) => step.number);
    if (numbers.length) return because(outcome, numbers);
  }
  if (steps[5].outcome === PASSED && steps[6].outcome === PASSED) {
    const { standing, named = false } = steps[6];
    const { chain_id: chain, contract, block_number: block } = certificate.anchor;
    return because(standing, block, `eip155:${chain}:${contract}`, named);
  }
  return because("consistent");
}

/** Return the numbers of the steps that were not asked. */
export const open = (steps) =>
  steps.filter((step) => step.outcome === NOT_ASKED).map((step) => step.number);

/** Step 1. Reading it was most of it; here its parts are compared. */
function format({ leaf: own, anchor, review }) {
  if (review) {
    if (own.type !== "entry") throw new Failed("onlyEntriesHaveReviews");
    if (review.anchor.contract !== anchor.contract) throw new Failed("differentLogs");
    if (review.anchor.chain_id !== anchor.chain_id) throw new Failed("differentChains");
  }
  return because("format", FORMAT);
}

/** Step 2. */
function content({ record, salt, commitment: committed }) {
  if (!record) throw new Open(NOT_ASKED, "heldBack");
  if (commitment(record, salt) !== committed) throw new Failed("otherCommitment");
  return because("content");
}

/** Step 3. */
function signature(part) {
  const { leaf: own, anchor } = part;
  const found = signer(part.commitment, part.signature, anchor.chain_id, anchor.contract);
  if (found !== own.author) throw new Failed("signedBy", found, own.author);
  return because("signature", found);
}

/** Step 4. */
function leaf(certificate) {
  const { leaf: own, record } = certificate;
  if (own.commitment !== certificate.commitment) throw new Failed("leafOtherCommitment");
  if (!record) return because("leafHeldBack");
  const other = difference(own, record);
  if (other) throw new Failed("leafDiffers", other);
  return because("leaf");
}

/** Return the name of the first field in which a leaf differs from a record, or null. */
function difference(own, record) {
  const told = { ...record, at: parseTime(record.at), subject: record.subject ?? ZERO_HASH };
  return ["type", "author", "at", "subject"].find((name) => told[name] !== own[name]) ?? null;
}

/** Step 5. What two parts of one certificate tell of the log must fit together, too. */
function proof(part) {
  const { leaf: own, proof: nodes, batch, anchor, review } = part;
  if (own.seq < batch.first_seq || own.seq >= batch.first_seq + batch.count) {
    throw new Failed("notInBatch", own.seq);
  }
  if (rootFromProof(leafHash(own), nodes) !== batch.root) throw new Failed("otherRoot");
  if (review && sameLog(review.anchor, anchor)) {
    if (review.leaf.seq === own.seq) throw new Failed("sameNumber", own.seq);
    const fault = contradiction(part, review);
    if (fault) throw new Failed(...fault);
  }
  return because("proof", nodes.length, batch.number);
}

/** Seconds by which a record's time may be after that of its block: clocks differ. */
const AHEAD_MAX = 300;

const isLater = ({ leaf: own, anchor }) => own.at - anchor.block_time > AHEAD_MAX;

/** Throw Failed for what of step 7 needs no chain: the record is later than its block. */
export function checkTime(certificate) {
  if (isLater(certificate)) throw new Failed("laterRecord", certificate.leaf.at);
}

/**
 * Return what the state proof of a certificate, or of the review inside, shows; null without one. Throws
 * Failed unless it shows this batch, in a log of known code, in the block that is stated. Of a review the
 * last of its values is whether its author was a moderator when the block was over.
 */
export function checkState(part) {
  const { leaf: own, batch, anchor, state_proof: proof } = part;
  if (!proof) return null;
  const reviewer = own.type === "review" ? own.author : null;
  const shown = shownBy(proof, anchor.contract, slots(batch.number, reviewer));
  if (shown.hash !== anchor.block_hash) throw new Failed("stateOtherBlock", shown.hash);
  const place = [shown.number, shown.time].map(String).join();
  if (place !== [anchor.block_number, anchor.block_time].join()) throw new Failed("stateOtherPlace");
  if (!Object.hasOwn(LAYOUTS, shown.code)) throw new Failed("stateOtherCode");
  const [count, root, end, ...more] = shown.values;
  if (count <= BigInt(batch.number) || root !== BigInt(batch.root)) {
    throw new Failed("stateOtherRoot", batch.number);
  }
  const first = batch.number ? more[0] : 0n;
  const numbers = [batch.first_seq, batch.first_seq + batch.count].join();
  if ([first, end].join() !== numbers) {
    throw new Failed("stateOtherNumbers", batch.number, String(first), String(end - 1n));
  }
  return shown;
}

function shownBy(proof, contract, of) {
  try {
    return state(proof, contract, of);
  } catch (error) {
    if (error instanceof Nowhere) throw new Failed("stateNowhere");
    throw error;
  }
}

const sameLog = (a, b) => a.chain_id === b.chain_id && a.contract === b.contract;

/**
 * Return the review inside, after all of step 8 that needs no chain: that it approves the entry. Throws
 * Failed if it doesn't, Open where there is none to ask for.
 */
export function checkReview({ leaf: entry, commitment: committed, review }) {
  if (entry.type !== "entry") throw new Open(DOES_NOT_APPLY, "onlyEntries");
  if (!review) throw new Open(NOT_ASKED, "noReview");
  const wrong = stepsAlone(review).find((step) => step.outcome === FAILED);
  if (wrong) throw new Failed("reviewFails", wrong.number);
  const { record, leaf: own } = review;
  if (record.type !== "review" || !["approve", "reinstate"].includes(record.body.decision)) {
    throw new Failed("noApproval");
  }
  if (record.subject !== committed) throw new Failed("anotherEntry");
  if (own.author === entry.author) throw new Failed("ownReview");
  if (own.at < entry.at) throw new Failed("olderReview");
  if (isLater(review)) throw new Failed("laterReview");
  const shown = checkState(review);
  if (shown && !shown.values.at(-1)) {
    throw new Failed("noModeratorInBlock", own.author, review.anchor.block_number);
  }
  return review;
}
