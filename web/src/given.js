// What people give: files with a byte order mark or in UTF-16, links as mail and chats leave them.
// The formats stay strict; this is `kit/given.py` in the page, and runs the same test vectors.

import { utf8Text } from "./certificate.js";

/** The byte order marks, and what they tell. */
const MARKS = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];

/** Letters longer than this are no link: a compact form has at most a tenth. */
const LINK_MAX = 100_000;
// A soft line break of quoted-printable, what has no width, and the quote marks of an answered mail.
const PUT_IN = /=\r?\n|[\u00ad\u200b-\u200f\u2060\ufeff]|^[ \t]*>+/gm;
const HEAD = /#|%23/g;
// White space is spelled out: Python and JavaScript differ by a few.
const WORD =
  /[ \t-\r\xa0\u2000-\u200a\u2028\u2029\u3000]*([A-Z2-7]+)(?![0-9A-Za-z])([ \t-\r\xa0\u2000-\u200a\u2028\u2029\u3000]|$)?/y;

/** Return the text of a file in UTF-8, or in what its byte order mark says. Throws Refused. */
export function decoded(bytes) {
  const [name, mark] = MARKS.find(([, mark]) => mark.every((b, i) => bytes[i] === b)) ?? [];
  if (!name) return utf8Text(bytes);
  const text = new TextDecoder(name, { ignoreBOM: true }).decode(bytes.slice(mark.length));
  return utf8Text(new TextEncoder().encode(text)); // the same bounds
}

/** Return a certificate's JSON as it came, or the compact form that stands in a link. */
export function unwrapped(text) {
  const start = text.replace(/^\ufeff/, "");
  return start.trimStart().startsWith("{") ? start : compactText(start);
}

function compactText(text) {
  if (text.length > LINK_MAX) return text;
  const bare = text.replace(PUT_IN, "");
  const starts = [0, ...Array.from(bare.matchAll(HEAD), (mark) => mark.index + mark[0].length)];
  const found = starts.map((at) => letters(bare, at)).reduce((a, b) => (b.length > a.length ? b : a));
  return found || text;
}

/** Return the letters of base32 at a place, over the line breaks between them. */
function letters(text, start) {
  WORD.lastIndex = start;
  let found = "";
  for (let word = WORD.exec(text); word; word = WORD.exec(text)) {
    found += word[1];
    if (word[2] === undefined) break; // something else follows at once, as a full stop
  }
  return found;
}
