// The tree digest, version 1, as docs/reference/tree-digest.md defines it, of files whose SHA-256 is known.
// The same words and the same test vectors as filiation.digest: whoever changes one changes both.

/** Snakemake puts this file into each directory that is an output; it is none of the tree's data. */
export const LEFT_OUT = ".snakemake_timestamp";
const LINK = "//symlink";
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A name that the file system holds and a browser cannot tell: its bytes are no Unicode. */
export class UnreadableName extends Error {
  constructor(path) {
    super(path);
    this.name = "UnreadableName";
    this.path = path;
  }
}

/** Whether a file counts in no digest. */
export const isLeftOut = (path) => path.split("/").at(-1) === LEFT_OUT;

/**
 * Return the manifest of a tree: what `sha256sum -z` prints of its files, sorted by the bytes of their paths.
 *
 * Each entry has a `path` inside the tree (a text, or its bytes), the `hex` of its SHA-256, and `link: true` where it is
 * a symbolic link, whose `hex` is that of its target.
 */
export function manifestOf(entries) {
  const named = [];
  for (const { path, hex, link = false } of entries) {
    const name = binary(path) + (link ? LINK : "");
    if (name.split("/").at(link ? -3 : -1) !== LEFT_OUT) named.push([name, hex]);
  }
  named.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0)); // one unit a byte: the order of bytes
  return fromBinary(named.map(([name, hex]) => `${hex}  ${name}\0`).join(""));
}

/**
 * Return a tree's `digest` (`tree1:` and 64 digits), how many `files` it has, and its `manifest`.
 *
 * `hashed` returns the SHA-256 of bytes in hexadecimal, or a promise of it.
 */
export async function treeDigest(entries, hashed) {
  const manifest = manifestOf(entries);
  return { digest: `tree1:${await hashed(manifest)}`, files: countFiles(manifest), manifest };
}

/** Return how many files a manifest names. */
export function countFiles(manifest) {
  let files = 0;
  for (const byte of manifest) files += byte === 0;
  return files;
}

/** Read a manifest: a map from each path, one unit a byte, to its SHA-256. */
export function readManifest(manifest) {
  const entries = new Map();
  for (const entry of toBinary(manifest).split("\0").slice(0, -1)) entries.set(entry.slice(66), entry.slice(0, 64));
  return entries;
}

/** Say which files of a tree are not as its recorded manifest has them: `changed`, `missing` or `unexpected`, by path. */
export function compareManifests(recorded, present) {
  const [before, now] = [readManifest(recorded), readManifest(present)];
  const found = [];
  for (const [path, hex] of now) {
    if (!before.has(path)) found.push([path, "unexpected"]);
    else if (before.get(path) !== hex) found.push([path, "changed"]);
  }
  for (const path of before.keys()) if (!now.has(path)) found.push([path, "missing"]);
  found.sort(([one], [other]) => (one < other ? -1 : 1));
  return found.map(([path, what]) => ({ path: decoder.decode(fromBinary(path)), what }));
}

/** Return a path's bytes as a text of one unit each. */
function binary(path) {
  if (typeof path !== "string") return toBinary(path);
  // A browser puts U+FFFD in the place of what is no Unicode, so the name's own bytes are lost.
  if (path.includes("\ufffd") || !path.isWellFormed()) throw new UnreadableName(path);
  return toBinary(encoder.encode(path));
}

const PIECE = 8192; // arguments of one call

function toBinary(bytes) {
  const parts = [];
  for (let begin = 0; begin < bytes.length; begin += PIECE) {
    parts.push(String.fromCharCode(...bytes.subarray(begin, begin + PIECE)));
  }
  return parts.join("");
}

function fromBinary(text) {
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place);
  return bytes;
}
