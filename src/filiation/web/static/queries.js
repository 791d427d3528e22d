// Puts an editor with SPARQL's colours and errors in the place of the plain field; without it the field does.

const form = document.querySelector("form.free");
const field = form.querySelector("textarea");
const working = form.querySelector(".working");

form.addEventListener("submit", () => {
  working.textContent = form.dataset.working;
});
addEventListener("pageshow", () => {
  working.textContent = ""; // who comes back by the browser's button has the answer
});

function style(address) {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: address, onload: resolve, onerror: reject });
    document.head.prepend(link); // before our own, which has the last word
  });
}

async function edit() {
  let Yasqe;
  try {
    [{ default: Yasqe }] = await Promise.all([import("./bundle/yasqe.js"), style("/static/bundle/yasqe.css")]);
  } catch {
    return; // no bundle: the plain field stays
  }
  const place = document.createElement("div");
  field.after(place);
  const send = () => form.requestSubmit();
  Yasqe.defaults.autocompleters = []; // they ask vocabularies elsewhere; given below, they would be added to
  const editor = new Yasqe(place, {
    value: field.value,
    consumeShareLink: null,
    createShareableLink: null,
    persistenceId: null,
    showQueryButton: false,
    resizeable: false,
    viewportMargin: Infinity,
    editorHeight: "auto", // as high as the query: nothing of it has to be scrolled to
    queryingDisabled: "the page asks",
    requestConfig: { endpoint: "/api/queries" },
    // The key that leaves a field leaves this one too.
    extraKeys: { Tab: false, "Shift-Tab": false, "Ctrl-Enter": send, "Cmd-Enter": send, "Ctrl-S": false },
  });
  editor.on("change", () => {
    field.value = editor.getValue();
  });
  field.hidden = true;
  field.required = false; // a browser would have to point at it
  const input = editor.getInputField();
  input.id = "query-editor";
  input.setAttribute("aria-describedby", "query-bounds");
  form.querySelector("label").htmlFor = input.id;
  form.dataset.editor = "ready";
}

edit();
