// Steps 6 to 9: the log that the reader named, asked through the JSON-RPC address that they gave.
//
// Anybody can deploy the same contract and be the moderator there: that a certificate is in *some* log
// shows nothing. So it must be in the one that the reader has a reason to trust.
//
// Read calls only, and none before the reader asks. What the node says is believed about the chain
// and nothing else; the code at the contract's address must be the kit's DiaryLog, byte for byte,
// since a contract that only answers like one could say anything.

import { addressWord, checksumAddress, fromHex, isHash, keccak, toHex, utf8, word } from "./bytes.js";
import shared from "../../kit/core/words.json" with { type: "json" };
import {
  Failed,
  NOT_ASKED,
  Open,
  PASSED,
  UNANSWERED,
  because,
  checkReview,
  checkState,
  checkTime,
  judged,
  unasked,
} from "./verify.js";

const PATIENCE = 20_000; // milliseconds for one answer
const ANSWER_MAX = 8_000_000; // characters of one answer

const topic = (text) => toHex(keccak(utf8(text)));
const BATCH_APPENDED = topic("BatchAppended(uint256,bytes32,uint64,uint32,address)");
const ROLE_GRANTED = topic("RoleGranted(bytes32,address,address)");
const ROLE_REVOKED = topic("RoleRevoked(bytes32,address,address)");
const MODERATOR_ROLE = topic("MODERATOR_ROLE");
const ROOT_OF = topic("rootOf(uint256)").slice(0, 10);
const UNKNOWN_BATCH = topic("UnknownBatch(uint256,uint256)").slice(0, 10);

/** The node gave no answer that is one. What it was asked is unanswered, never failed. */
export class NoAnswer extends Error {
  constructor(key, ...args) {
    super(key);
    this.reason = because(key, ...args);
  }
}

/**
 * Take steps 6 to 9 by state proofs alone, with the log that is trusted and the hashes of blocks. Returns
 * them. Throws NoAnswer for an address without its chain, or for what is no hash.
 */
export function askHashes(certificate, { log, hashes }) {
  const { chain, contract } = named(log);
  if (chain === null) throw new NoAnswer("badLogAlone");
  const given = hashesIn(hashes);
  const { anchor } = certificate;
  const needSame = () => {
    if (anchor.chain_id === chain && sameAddress(contract, anchor.contract)) return;
    throw new Failed("otherLog", logOf(anchor), `eip155:${chain}:${checksummed(contract)}`);
  };
  const shown = (part) => {
    if (!checkState(part)) throw new Open(NOT_ASKED, "noStateProof");
    const { block_hash: hash, block_number: block } = part.anchor;
    if (!given.includes(hash)) throw new Open(NOT_ASKED, "noHash", block);
  };
  const checks = [
    () => {
      needSame();
      shown(certificate);
      return { reason: because("logByState", logOf(anchor), anchor.block_number) };
    },
    () => {
      checkTime(certificate);
      needSame();
      needNamed(anchor, given);
      shown(certificate);
      const reason = because("blockNamed", anchor.block_number, anchor.block_time);
      return { reason, standing: "included", named: true };
    },
    () => {
      const review = checkReview(certificate);
      needSame();
      shown(review);
      const { seq, author } = review.leaf;
      const reason = because("reviewInBlock", seq, author, review.anchor.block_number);
      return { reason, named: true };
    },
    () => {
      throw new Open(NOT_ASKED, "noNodeLeaves");
    },
  ];
  return checks.map((check, i) => {
    try {
      return { number: i + 6, outcome: PASSED, ...check() };
    } catch (error) {
      return judged(i + 6, error);
    }
  });
}

/** Return the hashes in a text, in small letters. Throws NoAnswer for what is none. */
function hashesIn(text) {
  const found = text.toLowerCase().split(/[\s,;]+/u).filter(Boolean);
  if (!found.every(isHash)) throw new NoAnswer("badHash");
  return found;
}

/** Throw Failed unless a certificate's block is one of those that were named, if any were. */
function needNamed({ block_hash: hash, block_number: block }, given) {
  if (given.length && !given.includes(hash)) {
    throw new Failed("otherHash", block, hash, [...new Set(given)].sort().join(", "));
  }
}

const logOf = ({ chain_id: chain, contract }) => `eip155:${chain}:${contract}`;
const checksummed = (address) => checksumAddress(fromHex(address.toLowerCase()));

/**
 * Take steps 6 to 9 with a node and the log that is trusted: `{ url, log }`, and the hashes of blocks, if
 * any are named. `code` is that of DiaryLog. Calls `found(step)` after each; returns the NoAnswer that ended it, or null. Throws NoAnswer for a URL
 * or an address that is none.
 */
export async function askChain(certificate, { url, log, hashes = "" }, code, found) {
  const given = hashesIn(hashes);
  const on = new OnChain(certificate, new Node(url), named(log), code, given);
  const checks = [() => on.logHasIt(), () => on.blockIsThere(), () => on.reviewIsGood(), stands];
  const alone = unasked(certificate);
  let silent = null;
  for (const [i, check] of checks.entries()) {
    const number = i + 6;
    let step = null;
    if (!silent || check === stands) {
      try {
        step = { number, outcome: PASSED, ...(await check()) };
      } catch (error) {
        if (error instanceof NoAnswer) silent = error;
        else step = judged(number, error);
      }
    }
    found(step ?? unanswered(alone[i]));
  }
  return silent;
}

/** Return a step that a silent node leaves open; what the certificate itself has against it needs none. */
function unanswered(alone) {
  const wasAsked = alone.outcome === NOT_ASKED && alone.reason.key.startsWith("noLog");
  return wasAsked ? { ...alone, outcome: UNANSWERED, reason: because("noAnswer") } : alone;
}

/** Return the chain (null for whichever the node has) and the address of a log as a reader writes it. */
function named(log) {
  const found = /^(?:eip155:([1-9][0-9]{0,15}):)?(0x[0-9a-fA-F]{40})$/.exec(log.trim());
  if (!found) throw new NoAnswer("badLog");
  return { chain: found[1] ? Number(found[1]) : null, contract: found[2] };
}

/** Step 9. The chain holds roots, not leaves: who withdrew what can't be read from it. */
async function stands() {
  throw new Open(NOT_ASKED, "noLeaves");
}

class OnChain {
  constructor(certificate, node, named, code, given) {
    Object.assign(this, { certificate, node, named, code, given });
  }

  /** Step 6. */
  async logHasIt() {
    await this.#anchored(this.certificate);
    const { anchor, state_proof: proof } = this.certificate;
    const key = proof ? "logByState" : "log";
    return { reason: because(key, logOf(anchor), anchor.block_number) };
  }

  /** Step 7. */
  async blockIsThere() {
    const { anchor } = this.certificate;
    await this.#log();
    if (!this.certificate.state_proof) await this.#code();
    needNamed(anchor, this.given);
    await this.#inBlock(anchor);
    checkTime(this.certificate);
    const head = await this.#block("latest");
    const standing = anchor.block_number <= (await this.#finalBlock(head)) ? "final" : "included";
    const onTop = head.number - anchor.block_number;
    const reason = because("block", anchor.block_number, anchor.block_time, onTop, standing);
    return { reason, standing };
  }

  /** Return the number of the newest block that counts as final, as kit.chain does. */
  async #finalBlock(head) {
    const { depth, lessons_begin: begin } = shared.finality;
    if ((await this.#block(0)).time === begin) return head.number;
    const named = await this.#block("finalized").catch(() => null); // some nodes know none
    return named?.number > 0 ? named.number : head.number - depth;
  }

  /** Step 8. */
  async reviewIsGood() {
    const review = checkReview(this.certificate);
    await this.#anchored(review);
    await this.#inBlock(review.anchor);
    // Its author wrote the time of a review; in which block it stands they can't choose later.
    const { author, at, seq } = review.leaf;
    const block = review.anchor.block_number;
    if (!(await this.#wasModerator(author, at, block))) {
      throw new Failed("noModerator", author, at, block);
    }
    return { reason: because("review", seq, author) };
  }

  /** Throw unless the certificate is of the log that was named. Asked once. */
  #log() {
    this.asked ??= this.#checkLog();
    return this.asked;
  }

  async #checkLog() {
    const { chain_id: chain, contract } = this.certificate.anchor;
    const here = number(await this.node.ask("eth_chainId"));
    const { named } = this;
    if (named.chain !== null && named.chain !== here) throw new NoAnswer("otherNode", named.chain, here);
    if (here !== chain || !sameAddress(named.contract, contract)) {
      const ours = `eip155:${here}:${checksummed(named.contract)}`;
      throw new Failed("otherLog", logOf(this.certificate.anchor), ours);
    }
  }

  /** Throw unless the log is a DiaryLog, as the node says it. Asked once. */
  #code() {
    this.askedCode ??= this.#checkCode();
    return this.askedCode;
  }

  async #checkCode() {
    const { contract } = this.certificate.anchor;
    const code = await this.node.ask("eth_getCode", contract, "latest");
    if (typeof code !== "string") throw new NoAnswer("badAnswer", this.node.host);
    if (code === "0x") throw new Failed("noContract", contract);
    if (code.toLowerCase() !== this.code) throw new Failed("otherCode", contract);
  }

  /** Throw unless the log has the batch: its root, its numbers, and the event in its receipt. */
  async #anchored(part) {
    const { batch, anchor } = part;
    await this.#log();
    // Code and root are shown by the state proof, if there is one; else by the node's word.
    if (!checkState(part)) {
      await this.#code();
      const root = await this.#rootOf(batch.number);
      if (root === null) throw new Failed("noBatch", batch.number);
      if (root !== batch.root) throw new Failed("otherRootInLog", batch.number);
    }
    const said = await this.#batchIn(anchor);
    if (!said) throw new Failed("noEvent");
    for (const name of ["number", "root", "first_seq", "count"]) {
      if (said[name] !== batch[name]) throw new Failed("eventDiffers", name);
    }
    if (said.block.hash !== anchor.block_hash) throw new Failed("inOtherBlock", said.block.number);
  }

  async #rootOf(batch) {
    const call = { to: this.certificate.anchor.contract, data: ROOT_OF + toHex(word(batch)).slice(2) };
    const root = await this.node.ask("eth_call", call, "latest").catch((error) => {
      // Nodes put a revert's data in one of two places.
      const data = error.data?.data ?? error.data;
      if (typeof data === "string" && data.startsWith(UNKNOWN_BATCH)) return null;
      throw error;
    });
    if (root !== null && !isHash(root)) throw new NoAnswer("badAnswer", this.node.host);
    return root;
  }

  /** Return the batch that one event announces, or null if it is no such event of this log. */
  async #batchIn(anchor) {
    const receipt = await this.node.ask("eth_getTransactionReceipt", anchor.transaction_hash);
    if (receipt === null) throw new Failed("noTransaction", anchor.transaction_hash);
    const event = list(receipt?.logs, this.node).find(
      (log) =>
        number(log.logIndex) === anchor.log_index &&
        sameAddress(log.address, this.certificate.anchor.contract),
    );
    const { topics, data } = event ?? {};
    if (topics?.[0] !== BATCH_APPENDED || topics.length !== 3) return null;
    if (!/^0x[0-9a-f]{192}$/.test(data)) return null;
    return {
      number: number(topics[1]),
      root: topics[2],
      first_seq: number(data.slice(0, 66)),
      count: number(`0x${data.slice(66, 130)}`),
      block: await this.#block(event.blockHash),
    };
  }

  async #inBlock(anchor) {
    const byNumber = await this.#block(anchor.block_number);
    if (byNumber.hash !== anchor.block_hash) {
      throw new Failed("otherBlockHash", anchor.block_number, byNumber.hash);
    }
    const byHash = await this.#block(anchor.block_hash);
    if (byHash.number !== byNumber.number || byHash.hash !== byNumber.hash) {
      throw new Failed("otherBlockNumber");
    }
    if (byNumber.time !== anchor.block_time) throw new Failed("otherBlockTime", byNumber.time);
  }

  /** Return a block by its number, its hash, or "latest". */
  async #block(which) {
    const byHash = isHash(which);
    const name = typeof which === "number" ? `0x${which.toString(16)}` : which;
    const method = byHash ? "eth_getBlockByHash" : "eth_getBlockByNumber";
    const block = await this.node.ask(method, name, false);
    if (block === null) throw new Failed("noBlock", which);
    const found = {
      number: number(block.number),
      hash: block.hash,
      time: number(block.timestamp),
    };
    if (!isHash(found.hash)) throw new NoAnswer("badAnswer", this.node.host);
    return found;
  }

  /** Return whether an address held MODERATOR_ROLE at a time and after a block, by the role events. */
  async #wasModerator(address, time, block) {
    const { contract } = this.certificate.anchor;
    const topics = [[ROLE_GRANTED, ROLE_REVOKED], MODERATOR_ROLE, toHex(addressWord(address))];
    const asked = { address: contract, fromBlock: "0x0", toBlock: "latest", topics };
    // Nodes that ignore a filter answer with other logs: each is looked at again.
    const ours = (log) =>
      sameAddress(log.address, contract) &&
      log.removed !== true &&
      log.topics?.length === 4 &&
      topics[0].includes(log.topics[0]) &&
      log.topics[1] === topics[1] &&
      log.topics[2] === topics[2];
    const logs = list(await this.node.ask("eth_getLogs", asked), this.node).filter(ours);
    const changes = logs.map((log) => ({
      block: number(log.blockNumber),
      index: number(log.logIndex),
      granted: log.topics[0] === ROLE_GRANTED,
    }));
    changes.sort((a, b) => a.block - b.block || a.index - b.index);
    let [atTime, after] = [false, false];
    for (const change of changes) {
      const at = (await this.#block(change.block)).time;
      // In the second in which the role is given or taken, it is held.
      if (at < time || (change.granted && at === time)) atTime = change.granted;
      if (change.block <= block) after = change.granted;
    }
    return atTime && after;
  }
}

/** One JSON-RPC node. */
class Node {
  #url;
  #count = 0;

  constructor(url) {
    let parsed;
    try {
      parsed = new URL(url);
    } catch {
      throw new NoAnswer("badUrl");
    }
    if (!["http:", "https:"].includes(parsed.protocol)) throw new NoAnswer("badUrl");
    // A user name in the address: fetch would refuse it, and not say why.
    if (parsed.username || parsed.password) throw new NoAnswer("badUrl");
    this.#url = parsed.href;
    this.host = parsed.host; // all that is shown: the rest of an address may hold a key
  }

  /** Ask one thing and return the answer. Throws NoAnswer. */
  async ask(method, ...params) {
    this.#count += 1;
    const body = JSON.stringify({ jsonrpc: "2.0", id: this.#count, method, params });
    let answer;
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(PATIENCE),
      });
      const text = await response.text();
      if (text.length > ANSWER_MAX) throw new SyntaxError();
      answer = JSON.parse(text);
    } catch (error) {
      if (error instanceof SyntaxError) throw new NoAnswer("badAnswer", this.host);
      if (error.name === "TimeoutError") throw new NoAnswer("tooSlow", this.host, PATIENCE / 1000);
      throw new NoAnswer("unreachable", this.host);
    }
    if (answer?.error) {
      const refusal = new NoAnswer("nodeRefused", this.host, method, String(answer.error.message));
      refusal.data = answer.error.data;
      throw refusal;
    }
    if (answer === null || typeof answer !== "object" || answer.result === undefined) {
      throw new NoAnswer("badAnswer", this.host);
    }
    return answer.result;
  }
}

/** Return a quantity of JSON-RPC as a number; NaN, equal to nothing, if it is none or too large. */
function number(value) {
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) return NaN;
  const found = Number(BigInt(value));
  return Number.isSafeInteger(found) ? found : NaN;
}

function list(value, node) {
  if (!Array.isArray(value) || value.some((item) => item === null || typeof item !== "object")) {
    throw new NoAnswer("badAnswer", node.host);
  }
  return value;
}

const sameAddress = (a, b) => typeof a === "string" && a.toLowerCase() === b.toLowerCase();
