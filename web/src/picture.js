// The text of the QR code in a picture: the bare code, or a card or a photograph with one on it.

import { decodeQR } from "qr/decode.js";

const BYTES_MAX = 20_000_000;
const PIXELS_MAX = 60_000_000;
// The longest sides to try: first as it is, up to 1,600, then these. A code of 117 modules wants a few
// pixels for each; more only slow the search, and noise fades as a picture shrinks.
const SIDES = [1600, 1000, 2400, 700, 3200];

const KINDS = [
  ["image/png", /^\x89PNG\r\n/],
  ["image/jpeg", /^\xff\xd8\xff/],
  ["image/webp", /^RIFF[^]{4}WEBP/],
  ["image/gif", /^GIF8/],
  ["image/svg+xml", /^\s*<([?]xml|svg|[!])/i], // nothing else that is given begins so
];

/** No QR code could be read. */
export class NoCode extends Error {}

/** Return the kind of picture that a file's first bytes tell, or null. */
export function pictureKind(bytes) {
  const head = String.fromCharCode(...bytes.slice(0, 1000));
  return KINDS.find(([, first]) => first.test(head))?.[0] ?? null;
}

/** Return the text of the QR code in a picture. Throws NoCode. */
export async function readPicture(bytes, kind) {
  if (bytes.length > BYTES_MAX || (kind === "image/png" && pixels(bytes) > PIXELS_MAX)) {
    throw new NoCode();
  }
  const picture = await load(new Blob([bytes], { type: kind }));
  const longest = Math.max(picture.width, picture.height);
  const drawing = kind === "image/svg+xml"; // lines: any size will do
  const first = drawing ? [] : [Math.min(longest, SIDES[0])];
  const sides = new Set([...first, ...SIDES.filter((side) => drawing || side <= 2 * longest)]);
  for (const side of sides) {
    await new Promise((go) => setTimeout(go)); // let the page say what it is doing
    const text = decode(draw(picture, side / longest));
    if (text !== null) return text;
  }
  throw new NoCode();
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

function draw({ image, width, height }, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // what is transparent is paper
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

function decode(image) {
  try {
    return decodeQR(image, { effort: Infinity, timeLimit: 1500 });
  } catch {
    return null;
  }
}
