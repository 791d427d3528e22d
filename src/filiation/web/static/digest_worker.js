// Digests one file or folder beside the page, which goes on answering; ending this worker cancels it.
// In: { isTree, files: [{ path, file }] }. Out: { read } now and then, and at last { digest, files, size, manifest } or { failed, path }.

import { digestBytes, digestFile, NotDigested } from "./file_digest.js";
import { isLeftOut, treeDigest, UnreadableName } from "./tree_digest.js";

const AT_A_TIME = 8; // files that are read at once: a chunk is small, and each read waits
const TELL_EVERY = 100; // milliseconds

self.onmessage = async ({ data: { isTree, files } }) => {
  let read = 0;
  let told = 0;
  const advance = (count) => {
    read += count;
    if (performance.now() - told > TELL_EVERY) {
      told = performance.now();
      self.postMessage({ read });
    }
  };
  try {
    self.postMessage(isTree ? await ofTree(files, advance) : await ofFile(files[0], advance));
  } catch (error) {
    if (!(error instanceof NotDigested || error instanceof UnreadableName)) throw error;
    self.postMessage({ failed: error.why ?? "name", path: error.path });
  }
};

async function ofFile({ path, file }, advance) {
  return { digest: `sha256:${await digestFile(file, path, advance)}`, files: 1, size: file.size, manifest: null };
}

async function ofTree(files, advance) {
  const counted = files.filter(({ path }) => !isLeftOut(path));
  const entries = [];
  let next = 0;
  const some = async () => {
    while (next < counted.length) {
      const { path, file } = counted[next++];
      entries.push({ path, hex: await digestFile(file, path, advance) });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, some));
  const size = counted.reduce((sum, { file }) => sum + file.size, 0);
  return { ...(await treeDigest(entries, digestBytes)), size };
}
