// In place of parts of the editor that the pages don't use: its HTTP client and what it keeps in the browser.
export const enabled = false;
