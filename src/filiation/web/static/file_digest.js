// SHA-256 of files in the browser: small ones by the browser itself, large ones piece by piece, so that memory stays flat.

/** Files up to this size are read at once: the browser's own digest is faster, and wants all of a file. */
const AT_ONCE = 16 << 20;
/** And up to this one where there is no other: no bundle was built. */
const AT_MOST = 512 << 20;

/** A file that cannot be digested here, and why: `large` or `unread`. */
export class NotDigested extends Error {
  constructor(path, why) {
    super(`${path}: ${why}`);
    this.name = "NotDigested";
    this.path = path;
    this.why = why;
  }
}

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Only pages of this machine, or that came encrypted, are given a digest by the browser. */
const own = globalThis.crypto?.subtle;

let piecewise; // a promise of the bundle, or of null where there is none

function bundled() {
  piecewise ??= import("./bundle/sha256.js").catch(() => null);
  return piecewise;
}

/** Return the SHA-256 of bytes, in hexadecimal. */
export async function digestBytes(bytes) {
  if (own) return hex(await own.digest("SHA-256", bytes));
  const library = await bundled();
  if (library === null) throw new NotDigested("", "large");
  return library.bytesToHex(library.sha256(bytes));
}

/** Return the SHA-256 of a `File`, in hexadecimal; `advance` is told of bytes read. */
export async function digestFile(file, path, advance) {
  try {
    if (own && file.size <= AT_ONCE) return await whole(file, advance);
    const library = await bundled();
    if (library !== null) return await inPieces(file, library, advance);
    if (own && file.size <= AT_MOST) return await whole(file, advance);
  } catch (error) {
    if (error instanceof DOMException) throw new NotDigested(path, "unread"); // gone, changed or forbidden
    throw error;
  }
  throw new NotDigested(path, "large");
}

async function whole(file, advance) {
  const digest = hex(await own.digest("SHA-256", await file.arrayBuffer()));
  advance(file.size);
  return digest;
}

async function inPieces(file, { sha256, bytesToHex }, advance) {
  const digest = sha256.create();
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytesToHex(digest.digest());
    digest.update(value);
    advance(value.length);
  }
}
