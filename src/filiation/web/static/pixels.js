// The image alone, drawn in this browser with the contrast and the channels that a reader wants.
//
// The server decodes: codecs for browsers are compiled from WebAssembly by eval(), which no page here may do. So a store
// is shown to ome-zarr.js with its own metadata, but in planes that are not compressed.

const section = document.getElementById("pixels");
const canvas = section.querySelector("canvas");
const state = section.querySelector("[role=status]");
const words = section.dataset;
const SIDE = 1024;

/** A recorded store, as zarr's libraries read stores: one chunk a plane, of bytes alone. */
class PlainStore {
  constructor(thing) {
    this.thing = thing;
    this.planes = new Map(); // by a resolution's path, its shape
  }

  async get(key) {
    const path = key.replace(/^\//, "");
    const [level, index] = this.#planeOf(path);
    if (level !== undefined) return this.#fetch("/api/plane", { level, index });
    if (!/(^|\/)(zarr\.json|\.zattrs|\.zgroup|\.zarray)$/.test(path)) return undefined;
    const written = words.files.split("\n").includes(path) ? await this.#fetch("/api/chunk", { path }) : undefined;
    return written && this.#plain(path, written);
  }

  /** Say of a chunk's key of which resolution it is, and where along its first axes. */
  #planeOf(path) {
    for (const [level, length] of this.planes) {
      const numbers = path.startsWith(`${level}/`) ? path.slice(level.length + 1).replace(/^c\//, "").split("/") : [];
      if (numbers.length === length && numbers.every((each) => /^\d+$/.test(each))) {
        return [level, numbers.slice(0, -2).join(",")];
      }
    }
    return [];
  }

  /** Write the metadata of an array as that of one in planes; leave all else as it is. */
  #plain(path, written) {
    const about = JSON.parse(new TextDecoder().decode(written));
    const level = path.split("/").slice(0, -1).join("/");
    if (about.shape === undefined) return written;
    const plane = about.shape.map((length, axis) => (axis < about.shape.length - 2 ? 1 : length));
    this.planes.set(level, about.shape.length);
    if (about.zarr_format === 2) {
      const dtype = about.dtype.replace(">", "<");
      Object.assign(about, { chunks: plane, compressor: null, filters: null, dimension_separator: "/", dtype });
    } else {
      about.chunk_grid = { name: "regular", configuration: { chunk_shape: plane } };
      about.chunk_key_encoding = { name: "default", configuration: { separator: "/" } };
      about.codecs = [{ name: "bytes", configuration: { endian: "little" } }];
    }
    return new TextEncoder().encode(JSON.stringify(about));
  }

  async #fetch(address, asked) {
    const response = await fetch(`${address}?${new URLSearchParams({ thing: this.thing, ...asked })}`);
    if (!response.ok) throw new Error((await response.json()).error ?? response.statusText);
    return new Uint8Array(await response.arrayBuffer());
  }
}

let image;
let latest = 0;

async function open() {
  state.textContent = words.loading;
  const library = await import("./bundle/ome_zarr.js").catch(() => null);
  if (library === null) throw new Error(words.nobundle);
  image = await library.NgffImage.load(new PlainStore(words.image));
  for (const [number, channel] of (image.omero?.channels ?? []).entries()) controls(number, channel);
  await draw();
}

async function draw() {
  const turn = ++latest;
  const slices = {};
  for (const axis of ["z", "t"]) {
    if (image.axes.some(({ name }) => name === axis)) slices[axis] = Number(words[axis]);
  }
  const { data, width, height } = await image.renderRgba({ targetSize: SIDE, maxSize: 4 * SIDE, slices });
  if (turn !== latest) return;
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  canvas.hidden = false;
  state.textContent = words.drawn.replace("{width}", width).replace("{height}", height);
}

/** Show the fields of a channel: whether it is drawn, and from where to where. */
function controls(number, { label, active, window: shown }) {
  const group = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = label || words.channel.replace("{number}", number);
  const field = (text, type, value, change) => {
    const [around, input] = [document.createElement("label"), document.createElement("input")];
    Object.assign(input, { type, value });
    if (type === "number") Object.assign(input, { step: "any" });
    input.addEventListener("change", () => {
      change(input);
      draw().catch(fail);
    });
    around.append(`${text} `, input);
    return [around, input];
  };
  const [seen, box] = field(words.seen, "checkbox", "on", (input) => image.setChannelActive(number, input.checked));
  box.checked = active !== false;
  const [low] = field(words.dark, "number", shown?.start ?? 0, (input) => image.setChannelStart(number, input.valueAsNumber));
  const [high] = field(words.bright, "number", shown?.end ?? 1, (input) => image.setChannelEnd(number, input.valueAsNumber));
  group.append(legend, seen, low, high);
  section.querySelector(".channels").append(group);
}

function fail(error) {
  state.textContent = words.failed.replace("{why}", error.message);
}

section.addEventListener("toggle", () => {
  if (section.open && image === undefined) open().catch(fail);
});
