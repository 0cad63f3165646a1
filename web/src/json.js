// JSON, strictly: read with bounds, written in its canonical form.
//
// JSON.parse would take the last of two equal keys, round numbers, and give no bound on nesting. This
// reader takes one pass, builds objects without a prototype (a key `__proto__` is a key like others),
// and stops at the first thing that a certificate can't hold.

import { Refused, utf8 } from "./bytes.js";

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /(-?(?:0|[1-9][0-9]*))([.][0-9]+)?([eE][-+]?[0-9]+)?/y;
const WORDS = { t: ["true", true], f: ["false", false], n: ["null", null] };
// A pattern that repeats an alternative can use up the engine's stack: strings are read in pieces.
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const ESCAPES = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** Return the value of a JSON text with at most `depthMax` levels. Throws Refused. */
export function parse(text, depthMax) {
  let at = 0;
  let depth = 0;

  const stop = (got) => {
    throw new Refused("json", [], got);
  };
  const match = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  const unexpected = () =>
    stop(at < text.length ? { phrase: "badAt", args: [at + 1] } : { phrase: "cutOff" });
  const take = (letter) => {
    if (text[at] !== letter) unexpected();
    at += 1;
  };

  function value() {
    const first = text[at];
    if (first === "{") return inside(object);
    if (first === "[") return inside(array);
    if (first === '"') return string();
    if (Object.hasOwn(WORDS, first ?? "")) {
      const [letters, meant] = WORDS[first];
      if (!text.startsWith(letters, at)) unexpected();
      at += letters.length;
      return meant;
    }
    return number();
  }

  function inside(read) {
    depth += 1;
    if (depth > depthMax) throw new Refused("depth", [depthMax], { phrase: "more" });
    at += 1;
    match(SPACE);
    const found = read();
    depth -= 1;
    return found;
  }

  function object() {
    const found = Object.create(null);
    if (text[at] === "}") {
      at += 1;
      return found;
    }
    for (;;) {
      if (text[at] !== '"') unexpected();
      const key = string();
      if (key in found) stop({ phrase: "keyTwice" });
      match(SPACE);
      take(":");
      match(SPACE);
      found[key] = value();
      match(SPACE);
      if (text[at] === "}") break;
      take(",");
      match(SPACE);
    }
    at += 1;
    return found;
  }

  function array() {
    const found = [];
    if (text[at] === "]") {
      at += 1;
      return found;
    }
    for (;;) {
      found.push(value());
      match(SPACE);
      if (text[at] === "]") break;
      take(",");
      match(SPACE);
    }
    at += 1;
    return found;
  }

  function string() {
    at += 1;
    const parts = [];
    for (;;) {
      parts.push(match(PLAIN)[0]);
      if (text[at] === '"') break;
      const escape = match(ESCAPE);
      if (!escape) unexpected();
      const letter = escape[0][1];
      const code = letter === "u" ? String.fromCharCode(parseInt(escape[0].slice(2), 16)) : null;
      parts.push(code ?? ESCAPES[letter] ?? letter);
    }
    at += 1;
    return parts.join("");
  }

  function number() {
    const found = match(NUMBER);
    if (!found) return unexpected();
    if (found[2] || found[3]) stop({ phrase: "notWhole", args: [found[0].slice(0, 20)] });
    if (found[1].length > 17) stop({ phrase: "longNumber" });
    return Number(found[1]) + 0; // + 0: there is no -0 among whole numbers
  }

  match(SPACE);
  const found = value();
  match(SPACE);
  if (at < text.length) unexpected();
  return found;
}

/**
 * Return the canonical bytes (RFC 8785) of a value made of texts, whole numbers, null, arrays and
 * objects: keys in the order of their UTF-16 code units, no space. How texts and numbers are
 * written, RFC 8785 takes from ECMAScript (3.2.2).
 */
export const canonical = (value) => utf8(written(value));

function written(value) {
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const keys = Object.keys(value).sort(); // sorts by code units, 3.2.3
  return `{${keys.map((key) => `${JSON.stringify(key)}:${written(value[key])}`).join(",")}}`;
}
