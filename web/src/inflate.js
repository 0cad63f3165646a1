// DEFLATE (RFC 1951), read as strictly as zlib does, and never to more than a bound.
//
// Small libraries for this take what zlib refuses: lengths that are not repeated in complement, codes
// that are no codes, bytes behind the end. The page and the kit must agree on each of them.

const LENGTHS = [
  ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31],
  ...[35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258],
];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCES = [
  ...[1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537],
  ...[2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577],
];
const distanceBits = (symbol) => Math.max(0, (symbol >> 1) - 1);
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Return the inflated bytes; throws for what is no stream, cut off, or longer than `most`. */
export function inflate(packed, most) {
  const out = [];
  let at = 0; // in bits

  const stop = (why) => {
    throw new RangeError(why);
  };
  const bit = () => {
    if (at >= 8 * packed.length) stop("cut off");
    const found = (packed[at >> 3] >> (at & 7)) & 1;
    at += 1;
    return found;
  };
  const bits = (count) => {
    let found = 0;
    for (let i = 0; i < count; i++) found |= bit() << i;
    return found;
  };
  const put = (byte) => {
    if (out.length >= most) stop("too long");
    out.push(byte);
  };

  /** Return the next symbol of a code, 3.2.2: its codes of one length are consecutive numbers. */
  function symbol({ counts, symbols }) {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= 15; length++) {
      code |= bit();
      if (code - counts[length] < first) return symbols[index + code - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      code <<= 1;
    }
    return stop("no such code");
  }

  function stored() {
    at = (at + 7) & ~7;
    const length = bits(16);
    if ((length ^ bits(16)) !== 0xffff) stop("length and complement differ");
    for (let i = 0; i < length; i++) put(bits(8));
  }

  function coded(literals, distances) {
    for (;;) {
      const found = symbol(literals);
      if (found === 256) return;
      if (found < 256) {
        put(found);
        continue;
      }
      if (found > 285) stop("no such length");
      const length = LENGTHS[found - 257] + bits(LENGTH_BITS[found - 257]);
      const far = symbol(distances);
      if (far > 29) stop("no such distance");
      const distance = DISTANCES[far] + bits(distanceBits(far));
      if (distance > out.length) stop("too far back");
      for (let i = 0; i < length; i++) put(out[out.length - distance]);
    }
  }

  function dynamic() {
    const literals = bits(5) + 257;
    const distances = bits(5) + 1;
    const codes = bits(4) + 4;
    if (literals > 286 || distances > 30) stop("too many codes");
    const sizes = new Array(19).fill(0);
    for (let i = 0; i < codes; i++) sizes[CODE_ORDER[i]] = bits(3);
    const code = table(sizes, false);
    const lengths = [];
    while (lengths.length < literals + distances) {
      const found = symbol(code);
      if (found < 16) {
        lengths.push(found);
        continue;
      }
      if (found === 16 && !lengths.length) stop("nothing to repeat");
      const value = found === 16 ? lengths.at(-1) : 0;
      const times = found === 16 ? 3 + bits(2) : found === 17 ? 3 + bits(3) : 11 + bits(7);
      for (let i = 0; i < times; i++) lengths.push(value);
    }
    if (lengths.length > literals + distances) stop("too many lengths");
    if (!lengths[256]) stop("no end");
    coded(table(lengths.slice(0, literals), true), table(lengths.slice(literals), true));
  }

  /** Return a code by the lengths of its symbols: complete, or (if `single`) of one bit or none. */
  function table(lengths, single) {
    const counts = new Array(16).fill(0);
    for (const length of lengths) counts[length] += 1;
    let left = 1;
    for (let length = 1; length <= 15; length++) {
      left = 2 * left - counts[length];
      if (left < 0) stop("too many codes of a length");
    }
    const none = counts[0] === lengths.length;
    const oneBit = counts[0] + counts[1] === lengths.length;
    if (left > 0 && !none && !(single && oneBit)) stop("an incomplete code");
    counts[0] = 0;
    const symbols = lengths
      .map((length, i) => ({ length, i }))
      .filter(({ length }) => length)
      .sort((a, b) => a.length - b.length || a.i - b.i)
      .map(({ i }) => i);
    return { counts, symbols };
  }

  const fixed = () =>
    coded(
      table(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)), false),
      table(new Array(32).fill(5), false),
    );

  let last = false;
  while (!last) {
    last = bit() === 1;
    const block = [stored, fixed, dynamic][bits(2)] ?? (() => stop("no such block"));
    block();
  }
  if (at <= 8 * packed.length - 8) stop("something behind the end");
  return Uint8Array.from(out);
}
