// The texts of the QR codes in a picture: the bare code, a card or a photograph with one or more on it.

import { decodeQR } from "qr/decode.js";

const BYTES_MAX = 20_000_000;
const PIXELS_MAX = 60_000_000;
// The longest sides to try: first as it is, up to 1,600, then these, then twice of a small one. A code
// of 117 modules wants a few pixels for each; more only slow the search, and noise fades as a picture
// shrinks.
const SIDES = [1600, 1000, 2400, 700, 3200];
/** A picture longer than this many times its width is a screenshot to be looked at piece by piece. */
const LONG = 2;
/** Codes of one view that are looked for. */
const CODES_MAX = 8;

const KINDS = [
  ["image/png", /^\x89PNG\r\n/],
  ["image/jpeg", /^\xff\xd8\xff/],
  ["image/webp", /^RIFF[^]{4}WEBP/],
  ["image/gif", /^GIF8/],
  ["image/bmp", /^BM[^]{4}\0\0\0\0/],
  ["image/svg+xml", /^\s*<([?]xml|svg|[!])/i], // nothing else that is given begins so
];
/** What no browser shows as a picture, by the name of the page's words about it. */
const OTHERS = [
  ["pdf", /^%PDF-/],
  ["heic", /^[^]{4}ftyp/],
  ["zip", /^PK\x03\x04/],
  ["archive", /^SQLite format 3/],
];

/** No QR code could be read. */
export class NoCode extends Error {}

const kindOf = (kinds, bytes) => {
  const head = String.fromCharCode(...bytes.slice(0, 1000));
  return kinds.find(([, first]) => first.test(head))?.[0] ?? null;
};

/** Return the kind of picture that a file's first bytes tell, or null. */
export const pictureKind = (bytes) => kindOf(KINDS, bytes);

/** Return the name of another kind of file that holds no certificate's text, or null. */
export const otherKind = (bytes) => kindOf(OTHERS, bytes);

/**
 * Return the texts of the QR codes in a picture, those that `isOurs` says yes to if there are any.
 * Throws NoCode.
 */
export async function readPicture(bytes, kind, isOurs) {
  if (bytes.length > BYTES_MAX || (kind === "image/png" && pixels(bytes) > PIXELS_MAX)) {
    throw new NoCode();
  }
  const picture = await load(new Blob([bytes], { type: kind }));
  let others = [];
  for (const view of views(picture, kind === "image/svg+xml")) {
    await new Promise((go) => setTimeout(go)); // let the page say what it is doing
    const found = codes(draw(picture, view));
    const ours = found.filter(isOurs);
    if (ours.length) return ours;
    others = others.length ? others : found;
  }
  if (!others.length) throw new NoCode();
  return others;
}

/** Yield the ways to look at a picture: sizes, pieces of a long one, from behind, turned by 45°. */
function* views({ width, height }, isDrawing) {
  const longest = Math.max(width, height);
  const first = isDrawing ? [] : [Math.min(longest, SIDES[0])]; // lines: any size will do
  const sides = new Set([...first, ...SIDES.filter((side) => isDrawing || side <= 2 * longest)]);
  if (longest <= SIDES[0]) sides.add(2 * longest);
  for (const side of sides) yield { scale: side / longest };
  const short = Math.min(width, height);
  if (longest > LONG * short) {
    // Each piece is a square, and overlaps the next by half.
    for (let at = 0; at < longest - short / 2; at += short / 2) {
      const piece = width < height ? { top: at } : { left: at };
      yield { ...piece, width: short, height: short, scale: Math.min(1, SIDES[0] / short) };
    }
  }
  const scale = Math.min(1, SIDES[0] / longest);
  yield { scale, mirrored: true };
  yield { scale, turn: Math.PI / 4 };
  yield { scale, mirrored: true, turn: Math.PI / 4 };
}

/** The pixels that a PNG's header announces, before anything unpacks them. */
function pixels(bytes) {
  const header = new DataView(bytes.buffer, bytes.byteOffset);
  return bytes.length < 24 ? Infinity : header.getUint32(16) * header.getUint32(20);
}

async function load(blob) {
  const address = URL.createObjectURL(blob);
  try {
    // An <img> runs no script of an SVG and fetches nothing for it.
    const image = new Image();
    image.src = address;
    await image.decode();
    const width = image.naturalWidth || 1000;
    const height = image.naturalHeight || 1000;
    if (width * height > PIXELS_MAX) throw new NoCode();
    return { image, width, height };
  } catch {
    throw new NoCode();
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Return a canvas with a view of a picture. */
function draw(picture, { scale, left = 0, top = 0, mirrored = false, turn = 0, ...size }) {
  const width = (size.width ?? picture.width) * scale;
  const height = (size.height ?? picture.height) * scale;
  const room = Math.abs(Math.sin(turn)) + Math.abs(Math.cos(turn)); // what a turned square needs
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(turn ? Math.max(width, height) * room : width));
  canvas.height = Math.max(1, Math.round(turn ? Math.max(width, height) * room : height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // what is transparent is paper
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate(turn);
  context.scale(mirrored ? -scale : scale, scale);
  context.translate(-width / scale / 2 - left, -height / scale / 2 - top);
  context.drawImage(picture.image, 0, 0, picture.width, picture.height);
  context.resetTransform();
  return context;
}

/** Return the texts of the codes on a canvas, each once. Paints over each that was read. */
function codes(context) {
  const { width, height } = context.canvas;
  const found = new Set();
  for (let i = 0; i < CODES_MAX; i++) {
    let bounds = null;
    const pointsOnDetect = (points) => (bounds = points.outline);
    const image = context.getImageData(0, 0, width, height);
    try {
      found.add(decodeQR(image, { effort: Infinity, timeLimit: 1500, pointsOnDetect }));
    } catch {
      break;
    }
    context.beginPath();
    for (const { x, y } of bounds) context.lineTo(x, y);
    context.fill();
  }
  return [...found];
}
