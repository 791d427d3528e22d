// In place of what the pages don't use: the editor's HTTP client, what it keeps in the browser, codecs.
export const enabled = false;
