// Files and folders that are dropped or chosen are digested here; only a digest and a name are asked about.

import { compareManifests, countFiles } from "./tree_digest.js";

const place = document.getElementById("drop");
const list = document.getElementById("dropped");
const words = place.dataset;
let queue = Promise.resolve();

place.hidden = false;
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    place.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) place.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  place.classList.remove("over");
  // The list of what was dropped is empty once this function has returned.
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  for (const entry of entries) take(entry.name, entry.isDirectory, () => filesOf(entry));
});
document.getElementById("files").addEventListener("change", ({ target }) => {
  for (const file of target.files) take(file.name, false, async () => [{ path: file.name, file }]);
  target.value = "";
});
document.getElementById("folder").addEventListener("change", ({ target }) => {
  const files = [...target.files];
  if (files.length === 0) return;
  const name = files[0].webkitRelativePath.split("/")[0];
  const inside = files.map((file) => ({ path: file.webkitRelativePath.slice(name.length + 1), file }));
  take(name, true, async () => inside);
  target.value = "";
});

/** Return the files of what was dropped, each with its path inside it. */
async function filesOf(entry) {
  const file = (of) => new Promise((resolve, reject) => of.file(resolve, reject));
  if (entry.isFile) return [{ path: entry.name, file: await file(entry) }];
  const found = [];
  const folders = [[entry, ""]];
  while (folders.length > 0) {
    const [folder, before] = folders.pop();
    const reader = folder.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
      if (some.length === 0) break;
      for (const each of some.filter(({ isDirectory }) => isDirectory)) folders.push([each, `${before}${each.name}/`]);
      const files = some.filter(({ isFile }) => isFile);
      found.push(...(await Promise.all(files.map(async (of) => ({ path: before + of.name, file: await file(of) })))));
    }
  }
  return found;
}

/** Show that something waits, and digest it when what came before is done. */
function take(name, isTree, files) {
  const shown = new Shown(name, isTree);
  queue = queue.then(() => (shown.cancelled ? undefined : answer(shown, files)));
}

async function answer(shown, files) {
  try {
    await digestAndAsk(shown, await files());
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
    shown.end("unsure", words.undigested, put(words.unread, { path: shown.name }));
  } finally {
    shown.done();
  }
}

async function digestAndAsk(shown, files) {
  const digested = shown.cancelled ? null : await digest(shown, files);
  if (digested === null) return;
  if (digested.failed !== undefined) {
    shown.end("unsure", words.undigested, put(words[digested.failed], { path: digested.path }));
    return;
  }
  const response = await fetch(`/api/drop?${new URLSearchParams({ name: shown.name, digest: digested.digest })}`);
  const told = await response.json();
  if (!response.ok) {
    shown.end("unsure", words.undigested, told.error ?? response.statusText);
    return;
  }
  shown.answer(told);
  if (told.verdict === "changed" && digested.manifest !== null) await compare(shown, told.was, digested.manifest);
}

/** Have a worker digest files; null if that was cancelled. */
function digest(shown, files) {
  const worker = new Worker("/static/digest_worker.js", { type: "module" });
  return new Promise((resolve, reject) => {
    const total = files.reduce((sum, { file }) => sum + file.size, 0);
    shown.reads(total, () => resolve(null));
    worker.onmessage = ({ data }) => (data.read === undefined ? resolve(data) : shown.read(data.read, total));
    worker.onerror = (event) => reject(new TypeError(event.message));
    worker.postMessage({ isTree: shown.isTree, files });
  }).finally(() => worker.terminate());
}

/** Say of which recorded tree this one is most likely the changed form: the one that differs in the fewest files. */
async function compare(shown, was, manifest) {
  let nearest = null;
  for (const record of was.filter((each) => each.manifest)) {
    const response = await fetch(`/api/manifest?${new URLSearchParams({ thing: record.iri })}`);
    if (!response.ok) continue;
    const recorded = new Uint8Array(await response.arrayBuffer());
    const differences = compareManifests(recorded, manifest);
    const files = countFiles(recorded);
    const kept = files - differences.filter(({ what }) => what !== "unexpected").length;
    if (nearest === null || differences.length < nearest.differences.length) nearest = { record, differences, files, kept };
  }
  if (nearest === null) return;
  if (nearest.kept === 0) shown.strange();
  else shown.compared(nearest);
}

/** What is shown of one thing that was dropped. */
class Shown {
  constructor(name, isTree) {
    this.name = name;
    this.isTree = isTree;
    this.cancelled = false;
    this.progress = make("progress", { max: 1, value: 0, "aria-label": put(words.reading, { name }) });
    this.status = make("p", { class: "status", role: "status" }, words.waiting);
    this.button = make("button", { type: "button" }, words.cancel);
    this.button.addEventListener("click", () => this.cancel());
    this.working = make("div", { class: "working" }, this.progress, this.button);
    this.article = make("article", { "aria-busy": "true" }, make("h2", {}, name), this.status, this.working);
    list.prepend(this.article);
  }

  cancel() {
    this.cancelled = true;
    this.stop?.();
    this.end("unsure", words.cancelled, "");
    this.done();
  }

  reads(total, stop) {
    this.stop = stop;
    this.progress.max = Math.max(total, 1);
    this.status.textContent = put(words.reading, { name: this.name });
  }

  read(count, total) {
    this.progress.value = Math.min(count, total);
  }

  answer({ verdict, state, sentence, digest, links }) {
    const style = { known: "good", changed: "bad" }[verdict] ?? "unsure";
    this.end(style, state, sentence);
    const items = links.map(({ href, label }) => make("li", {}, make("a", { href }, label)));
    this.article.append(make("ul", { class: "links" }, ...items), make("p", {}, make("code", { class: "digest" }, digest)));
    this.article.dataset.verdict = verdict;
  }

  compared({ record, differences, files }) {
    const counted = put(differences.length === 1 ? words.differsone : words.differs, {
      path: record.path, run: record.run.slice(0, 8), when: record.when?.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC") ?? "?", count: differences.length, files,
    });
    const rows = differences.slice(0, 100).map(({ path, what }) => make("li", {}, make("code", {}, path), ` ${words[what]}`));
    const more = differences.length - rows.length;
    if (more > 0) rows.push(make("li", {}, put(words.more, { count: more })));
    this.article.append(make("p", { class: "compared" }, counted), make("ul", { class: "differences" }, ...rows));
  }

  strange() {
    this.article.append(make("p", { class: "compared" }, words.strange));
  }

  end(style, state, sentence) {
    this.working.remove();
    this.status.replaceChildren(make("span", { class: `state ${style}` }, state), ` ${sentence}`);
  }

  done() {
    this.article.removeAttribute("aria-busy");
  }
}

function make(tag, attributes, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

/** Put values into a text where it has their names in braces. */
function put(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
