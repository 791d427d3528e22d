// The SPARQL editor, from its source: without its HTTP client and its storage, which the pages have no use for.
export { default } from "@triply/yasqe/src/index.ts";
