// The page: takes what the reader gives, shows what was found. All text goes in by textContent.

import { runtime } from "../../kit/chain/artifacts/DiaryLog.json";

import { ZERO_HASH } from "./bytes.js";
import { NoAnswer, askChain, askHashes } from "./chain.js";
import { NoCode, otherKind, pictureKind, readPicture } from "./picture.js";
import { parseTime } from "./record.js";
import { FAILED, claimed, level, open, unasked, verify } from "./verify.js";
import { WORDS, clock, sentence } from "./words.js";

const MARKS = {
  passed: "✓",
  failed: "✗",
  unanswered: "?",
  "not asked": "–",
  "does not apply": "·",
};
// What was shown of a part only doesn't wear the tick of what was shown.
const SIGNS = {
  notACertificate: "✗",
  failed: "✗",
  unanswered: "?",
  consistent: "◐",
  included: "✓",
  final: "✓",
};
const FILE_MAX = 20_000_000;

const $ = (id) => document.getElementById(id);

const state = {
  words: navigator.language?.toLowerCase().startsWith("zh") ? WORDS.zh : WORDS.en,
  found: null, // { certificate, steps }
  note: null, // below the input: a name among the page's words
  silent: null, // below the node's address: a reason
  asking: false,
};

// --- making elements -----------------------------------------------------------------------------

/** Return an element with properties and children; texts become text nodes, never markup. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const code = (text) => make("code", {}, String(text));

/** Return an element for words that somebody else wrote, kept apart from the page's own. */
function foreign(tag, text, className = "") {
  const element = make(tag, { className, dir: "auto" }, text);
  element.lang = /\p{Script=Han}/u.test(text) ? "zh-Hans" : "";
  return element;
}

function table(className, caption, rows) {
  const body = make("tbody");
  for (const [name, note, ...values] of rows) {
    const head = make("th", { scope: "row" }, name);
    if (note) head.append(" ", make("small", {}, note));
    const cell = make("td");
    values.forEach((value, i) => cell.append(...(i ? [make("br")] : []), value));
    body.append(make("tr", {}, head, cell));
  }
  return make("table", { className }, make("caption", { className: "unseen" }, caption), body);
}

// --- showing -------------------------------------------------------------------------------------

function show() {
  const { words, found } = state;
  const { ui } = words;
  document.documentElement.lang = words.lang;
  document.title = ui.title;
  for (const element of document.querySelectorAll("[data-word]")) {
    element.textContent = ui[element.dataset.word];
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    const pressed = WORDS[button.dataset.language] === words;
    button.setAttribute("aria-pressed", String(pressed));
  }
  $("limits").replaceChildren(...ui.limits.map((text) => make("li", {}, text)));
  $("give-title").textContent = found ? ui.giveAnother : ui.giveTitle;
  $("give-note").textContent = state.note ? ui[state.note] : "";
  $("ask-note").textContent = state.silent ? sentence(words, state.silent) : "";
  $("result").hidden = !found;
  if (found) showResult(words, found);
}

function showResult(words, { certificate, steps }) {
  const reached = level(certificate, steps);
  const title = words.levels[reached.key](...reached.args);
  $("verdict").className = reached.key;
  $("verdict").querySelector(".sign").textContent = SIGNS[reached.key];
  $("level").textContent = title;
  const [, , isNamed = false] = reached.args; // the block, by its hash
  $("meaning").textContent = words.meanings[isNamed ? "includedNamed" : reached.key];
  const unknown = certificate ? open(steps).map((number) => `${number} ${words.names[number - 1]}`) : [];
  $("not-asked").textContent = unknown.length ? words.ui.notAsked(unknown) : "";
  $("own-log").replaceChildren(...(certificate ? [code(logOf(certificate))] : []));
  $("own-block").replaceChildren(...(certificate ? [code(certificate.anchor.block_hash)] : []));
  $("identifier").replaceChildren(...(certificate ? [code(certificate.id)] : []));
  const lines = steps.map((step) => stepLine(words, step));
  $("steps-alone").replaceChildren(...lines.slice(0, 5));
  $("steps-chain").replaceChildren(...lines.slice(5));

  $("facts").hidden = $("ask").hidden = !certificate;
  $("content").hidden = !certificate?.record;
  $("facts-body").replaceChildren();
  $("content-body").replaceChildren();
  if (!certificate) return;
  const failed = steps.filter((step) => step.outcome === FAILED).map((step) => step.number);
  showWarning("facts-warning", failed.length, words.ui.factsBad);
  showWarning("content-warning", failed.includes(2), words.ui.contentBad);
  const claims = claimed(certificate, steps);
  $("facts-body").append(table("facts", words.ui.factsTitle, facts(words, certificate, claims)));
  if (certificate.record) $("content-body").append(...content(words, certificate.record));
}

const logOf = ({ anchor }) => `eip155:${anchor.chain_id}:${anchor.contract}`;

function showWarning(id, needed, text) {
  $(id).hidden = !needed;
  $(id).textContent = needed ? text : "";
}

function stepLine(words, step) {
  const line = make(
    "li",
    { className: step.outcome.replaceAll(" ", "-"), value: step.number },
    make("span", { className: "step-name" }, words.names[step.number - 1]),
    make(
      "span",
      { className: "outcome" },
      make("span", { ariaHidden: "true", className: "mark" }, MARKS[step.outcome]),
      ` ${words.outcomes[step.outcome]}`,
    ),
    make("span", { className: "reason", dir: "auto" }, sentence(words, step.reason)),
  );
  line.dataset.outcome = step.outcome;
  return line;
}

/** Return the rows of the chain facts: name, note, lines of the value. */
function facts(words, certificate, claims) {
  const { ui } = words;
  const { leaf, batch, anchor } = certificate;
  const names = ui.facts;
  const chainNote = ui.chainNotes[anchor.chain_id];
  const unless = (...paths) => (paths.some((path) => claims.includes(path)) ? names.claimed : "");
  const rows = [
    [names.number, "", code(leaf.seq)],
    [names.type, "", words.types[leaf.type]],
    [names.author, "", code(leaf.author)],
    [names.at, names.atNote, ...ui.chainTime(leaf.at)],
    [names.commitment, "", code(certificate.commitment)],
    [names.chain, "", chainNote ? `${anchor.chain_id} · ${chainNote}` : String(anchor.chain_id)],
    [names.contract, "", code(anchor.contract)],
    [names.blockNumber, unless("anchor.block_number"), code(anchor.block_number)],
    [names.blockHash, unless("anchor.block_hash"), code(anchor.block_hash)],
    [names.blockTime, unless("anchor.block_time"), ...ui.chainTime(anchor.block_time)],
    [names.lag, unless("anchor.block_time"), ui.lagValue(anchor.block_time - leaf.at)],
    [names.transaction, unless("anchor.transaction_hash"), code(anchor.transaction_hash)],
    [names.event, unless("anchor.log_index"), ui.eventValue(anchor.log_index)],
    [
      names.batch,
      unless("batch.number", "batch.first_seq", "batch.count"),
      ui.batchValue(batch.number, leaf.seq - batch.first_seq + 1, batch.count),
    ],
    [names.root, "", code(batch.root)],
    [names.review, "", ...reviewLines(words, certificate, unless("review.anchor.block_number"))],
  ];
  if (leaf.subject !== ZERO_HASH) rows.splice(4, 0, [names.subject, "", code(leaf.subject)]);
  return rows;
}

function reviewLines({ ui, decisions }, { leaf, review }, note) {
  if (!review) return [leaf.type === "entry" ? ui.noReview : ui.notReviewed];
  const { record } = review;
  const decision = decisions[record.body.decision] ?? record.type;
  const block = make("span", {}, ui.reviewBlock(review.anchor.block_number));
  if (note) block.append(" ", make("small", {}, note));
  return [
    ui.reviewValue(decision, review.leaf.seq),
    make("span", {}, `${ui.reviewBy} `, code(record.author)),
    ...ui.chainTime(parseTime(record.at)),
    block,
    ...(record.body.reason ? [foreign("span", record.body.reason, "written")] : []),
  ];
}

/** Return the elements of what a record says. */
function content(words, { type, body }) {
  const names = words.ui.content;
  const main = body.text ?? body.note ?? body.reason ?? body.source;
  const shown = main
    ? foreign("blockquote", main, "written")
    : make("p", { className: "hint" }, names.none);
  const elements = [shown];
  const rows = ["decision", "reason_code", "place", "role", "as_of"]
    .filter((name) => body[name])
    .map((name) => [names[name], "", foreign("span", said(words, name, body[name]))]);
  if (rows.length) elements.push(table("facts", words.types[type], rows));
  if (body.attachments?.length) elements.push(...attachments(names, body.attachments));
  if (body.figures) {
    const figures = Object.entries(body.figures).map(([name, value]) => [
      foreign("span", name),
      "",
      value.toLocaleString("en"),
    ]);
    elements.push(make("h3", {}, names.figures), table("facts", names.figures, figures));
  }
  return elements;
}

function said(words, name, value) {
  if (name === "decision") return words.decisions[value];
  return name === "as_of" ? `${clock(parseTime(value))} UTC` : value;
}

function attachments(names, files) {
  const items = files.map((file) =>
    make(
      "li",
      {},
      foreign("span", file.name, "file"),
      make("small", {}, `${file.media_type}, ${file.size.toLocaleString("en")} ${names.fileSize}`),
      make("small", {}, "SHA-256 ", code(file.sha256)),
    ),
  );
  return [make("h3", {}, names.files), make("ul", { className: "files", role: "list" }, ...items)];
}

/** Say the result aloud to those who hear the page. */
function announce() {
  const { words, found } = state;
  const count = (outcome) => found.steps.filter((step) => step.outcome === outcome).length;
  const reached = level(found.certificate, found.steps);
  const [passed, failed] = [count("passed"), count("failed")];
  const summary = words.ui.summary(passed, failed, found.steps.length - passed - failed);
  $("status").textContent = `${words.levels[reached.key](...reached.args)}. ${summary}`;
}

// --- taking --------------------------------------------------------------------------------------

/** Each thing given gets a number: what is still being read or asked for an older one is dropped. */
let given = 0;

function begin(note = null) {
  given += 1;
  Object.assign(state, { found: null, note, silent: null });
  setAsking(false);
  show();
  return given;
}

function end(found, { focus = true } = {}) {
  Object.assign(state, { found, note: null });
  show();
  announce();
  if (focus) {
    $("level").focus({ preventScroll: true });
    $("verdict").scrollIntoView({ block: "start" });
  }
}

function refuse(note) {
  state.note = note;
  show();
}

function takeText(text) {
  begin();
  end(verify(text));
}

async function takeFile(file) {
  const mine = begin("reading");
  if (file.size > FILE_MAX) return refuse("tooLarge");
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (mine !== given) return;
  const kind = pictureKind(bytes);
  if (kind) return takePicture(mine, bytes, kind);
  const other = bytes.length ? otherKind(bytes) : "empty";
  if (other) return refuse(other);
  end(verify(bytes));
}

async function takePicture(mine, bytes, kind) {
  try {
    const isOurs = (text) => verify(text).certificate !== null;
    const [text, ...more] = await readPicture(bytes, kind, isOurs);
    if (mine !== given) return;
    // Two certificates, and which one is meant can't be told.
    if (more.some(isOurs)) return refuse("twoCodes");
    end(verify(text));
  } catch (error) {
    if (!(error instanceof NoCode)) throw error;
    if (mine === given) refuse("noCode");
  }
}

function takeAddress(options) {
  if (location.hash.length > 1) {
    begin();
    end(verify(location.hash), options);
  }
}

/** Take steps 6 to 9 with what the reader named: a log, and a node, or hashes of blocks, or both. */
async function takeChain(url, log, hashes) {
  const { found } = state;
  if (!found?.certificate || state.asking) return;
  state.silent = null;
  found.steps = [...found.steps.slice(0, 5), ...unasked(found.certificate)];
  if (url) return takeNode(url, log, hashes);
  try {
    if (!hashes.trim()) throw new NoAnswer("giveNodeOrHash");
    found.steps = [...found.steps.slice(0, 5), ...askHashes(found.certificate, { log, hashes })];
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    state.silent = error.reason;
  }
  show();
  announce();
}

async function takeNode(url, log, hashes) {
  const { found } = state;
  const mine = given;
  setAsking(true);
  show();
  let silent;
  try {
    silent = await askChain(found.certificate, { url, log, hashes }, runtime, (step) => {
      if (mine !== given) return;
      found.steps[step.number - 1] = step;
      show();
    });
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    silent = error; // the node's or the log's address is none
  } finally {
    if (mine === given) setAsking(false);
  }
  if (mine !== given) return;
  state.silent = silent?.reason ?? null;
  show();
  announce();
}

function setAsking(asking) {
  state.asking = asking;
  $("ask").setAttribute("aria-busy", String(asking));
}

// --- listening -----------------------------------------------------------------------------------

function listen() {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      state.words = WORDS[button.dataset.language];
      show();
    });
  }
  $("file").addEventListener("change", () => {
    const [file] = $("file").files;
    if (file) takeFile(file);
    $("file").value = ""; // so that the same file can be chosen again
  });
  $("paste").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("text").value;
    if (text.trim()) takeText(text);
    else $("text").focus();
  });
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    takeChain($("node").value.trim(), $("log").value, $("hashes").value);
  });
  // Anywhere on the page: a file that misses the frame must not replace the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) $("drop").classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    const [file] = event.dataTransfer.files;
    const text = event.dataTransfer.getData("text");
    if (file) takeFile(file);
    else if (text) takeText(text);
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file) return; // a text goes where it is pasted
    event.preventDefault();
    takeFile(file);
  });
  window.addEventListener("hashchange", () => takeAddress());
}

listen();
show();
takeAddress({ focus: false });
