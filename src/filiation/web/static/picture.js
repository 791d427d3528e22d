// Turns pages of a stack and clicks on objects into pictures in place; without this, the page's forms do the same.

const plane = document.getElementById("plane");
const planes = document.getElementById("planes");
const natural = { width: plane.width, height: plane.height };
plane.classList.add("fits");
let latest = 0;

/** Show what an address of this page says, and keep the page itself. */
async function show(query) {
  const turn = ++latest;
  plane.setAttribute("aria-busy", "true");
  const address = `/picture?${query}`;
  const response = await fetch(address);
  const said = new DOMParser().parseFromString(await response.text(), "text/html");
  if (turn !== latest) return; // another click was faster
  const [next, object] = [said.getElementById("plane"), said.getElementById("object")];
  if (!response.ok || next === null) {
    location.assign(address);
    return;
  }
  await load(next.getAttribute("src"));
  if (turn !== latest) return;
  document.getElementById("object").replaceWith(object);
  for (const name of ["z", "t", "label"]) take(said, name);
  history.replaceState(null, "", address);
  plane.removeAttribute("aria-busy");
}

/** Take the value of a field over, and what is written beside it. */
function take(said, name) {
  const [mine, theirs] = [document.getElementById(name), said.getElementById(name)];
  if (mine === null || theirs === null) return;
  mine.value = theirs.value;
  const output = document.querySelector(`output[for="${name}"]`);
  if (output !== null) output.textContent = said.querySelector(`output[for="${name}"]`).textContent;
}

/** Show a picture when all of it has come, so that nothing flickers. */
async function load(source) {
  const coming = new Image();
  coming.src = source;
  await coming.decode().catch(() => undefined);
  plane.src = source;
}

/** Return what is asked for by the fields above the picture; an object only if one is given. */
function asked() {
  const query = new URLSearchParams(new FormData(planes));
  if (!query.get("label")) query.delete("label");
  return query;
}

if (plane.tagName === "INPUT") {
  plane.addEventListener("click", (event) => {
    event.preventDefault();
    const query = asked();
    query.delete("label");
    query.set("at.x", Math.floor((event.offsetX / plane.clientWidth) * natural.width));
    query.set("at.y", Math.floor((event.offsetY / plane.clientHeight) * natural.height));
    show(query);
  });
}
for (const name of ["z", "t", "look"]) {
  document.getElementById(name)?.addEventListener("input", () => {
    const query = asked();
    if (name !== "look") query.delete("label"); // an object would lead back to its own section
    show(query);
  });
}
planes.addEventListener("submit", (event) => {
  event.preventDefault();
  show(asked());
});
