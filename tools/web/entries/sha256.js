// SHA-256 of what comes piece by piece; the browser's own digest wants all of a file at once.
export { sha256 } from "@noble/hashes/sha2.js";
export { bytesToHex } from "@noble/hashes/utils.js";
