// Draws what lies around a thing. The page says the same as a table; this is for those who see, point and type.
//
// What is shown stands in the page's address: steps back and on, what was expanded, and which node is chosen.

const FONT = 13;
const LEGIBLE = 0.65; // smaller than that, nobody can read what is written on a node
const FEW = 100; // nodes that are quickly placed twice

/** Fill in the words of the page's language. */
const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

class Graph {
  constructor(section) {
    this.section = section;
    this.words = JSON.parse(section.dataset.words);
    const part = (name) => section.querySelector(`.graph-${name}`);
    [this.state, this.body, this.canvas, this.list, this.panel] = ["state", "body", "canvas", "list", "panel"].map(part);
    this.asked = new URLSearchParams(location.search);
    this.asked.set("thing", section.dataset.thing);
    for (const way of ["back", "on"]) if (!this.asked.has(way)) this.asked.set(way, section.dataset[way]);
    this.nodes = new Map();
  }

  async begin() {
    this.table = this.state.firstElementChild; // where nothing can be drawn, the link to the table stays
    let cytoscape;
    try {
      ({ default: cytoscape } = await import("./bundle/cytoscape.js"));
    } catch {
      this.tell(this.words.missing);
      return;
    }
    this.state.textContent = this.words.loading;
    try {
      this.layout = new Layout();
      this.prepare(cytoscape);
      await this.load();
    } catch (error) {
      this.body.hidden = true;
      this.tell(say(this.words.failed, { why: error.message }));
    }
  }

  tell(text) {
    this.state.replaceChildren(`${text} `, this.table);
  }

  prepare(cytoscape) {
    // Cytoscape would write a style of one rule into the page, which the page's policy forbids; graph.css has that rule.
    const mark = document.createElement("meta");
    mark.id = "__________cytoscape_stylesheet";
    document.head.append(mark);
    this.body.hidden = false;
    this.cy = cytoscape({ container: this.canvas, style: [], minZoom: 0.05, maxZoom: 3, boxSelectionEnabled: false });
    this.paint();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    this.cy.on("tap", "node", ({ target }) => this.choose(target.id(), { seen: true }));
    this.cy.on("dbltap", "node", ({ target }) => this.toggle(target.id()));
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("click", ({ target }) => {
      const line = target.closest("li");
      if (line) this.choose(line.dataset.iri);
    });
    this.list.addEventListener("dblclick", ({ target }) => {
      const line = target.closest("li");
      if (line) this.toggle(line.dataset.iri);
    });
    const zoom = (by) => this.cy.zoom({ level: this.cy.zoom() * by, renderedPosition: { x: this.cy.width() / 2, y: this.cy.height() / 2 } });
    const deeds = { in: () => zoom(1.3), out: () => zoom(1 / 1.3), fit: () => this.cy.fit(undefined, 20) };
    for (const button of this.section.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => deeds[button.dataset.do]());
    }
    addEventListener("resize", () => this.cy.resize());
  }

  /** Ask for the graph as the address says, and draw it. */
  async load() {
    const query = new URLSearchParams(this.asked);
    for (const name of ["selected", "page", "lang"]) query.delete(name);
    const answer = await fetch(`/api/graph?${query}`, { headers: { Accept: "application/json" } });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error ?? String(answer.status));
    const order = found.nodes.map((node) => node.iri);
    this.nodes = new Map(found.nodes.map((node) => [node.iri, node]));
    this.edges = found.edges;
    this.draw(await this.place(found.nodes.map(sized), found.edges.map(({ src, dst }) => [src, dst])));
    this.write(order);
    const drawn = say(this.words.drawn, { n: order.length });
    const left = found.left_out ? ` ${say(this.words.left_out, { n: found.left_out })}` : "";
    this.state.textContent = drawn + left;
    const chosen = this.asked.get("selected");
    this.choose(this.nodes.has(chosen) ? chosen : order.find((iri) => this.nodes.get(iri).root) ?? order[0], { quietly: true });
    this.section.dataset.drawn = String(order.length);
  }

  /** Place the nodes from left to right, or from top to bottom where they are larger so. */
  async place(nodes, edges) {
    const shown = (places) => {
      const all = nodes.map((node) => ({ ...node, ...places[node.id] }));
      const reach = (middle, length) => {
        const ends = all.flatMap((node) => [node[middle] - node[length] / 2, node[middle] + node[length] / 2]);
        return Math.max(...ends) - Math.min(...ends) + 40;
      };
      return Math.min(this.canvas.clientWidth / reach("x", "width"), this.canvas.clientHeight / reach("y", "height"));
    };
    const across = await this.layout.places(nodes, edges, "LR");
    if (shown(across) >= LEGIBLE || nodes.length > FEW) return across;
    const down = await this.layout.places(nodes, edges, "TB");
    return shown(down) > shown(across) ? down : across;
  }

  draw(places) {
    const nodes = [...this.nodes.values()].map((node) => {
      const more = node.before + node.after > 0 ? " +" : "";
      const { width, height } = sized(node);
      const classes = [node.type, node.status === "failed" ? "failed" : "", node.root ? "root" : "", node.kind === "raw image" ? "source" : ""];
      return { data: { id: node.iri, label: node.label + more, width, height }, position: places[node.iri], classes: classes.filter(Boolean).join(" ") };
    });
    const edges = this.edges.map(({ src, dst, role }, number) => {
      return { data: { id: `edge ${number}`, source: src, target: dst }, classes: role === "same content" || role === "part" ? "same" : "" };
    });
    this.cy.batch(() => {
      this.cy.elements().remove();
      this.cy.add([...nodes, ...edges]);
    });
    this.cy.resize();
    this.cy.fit(undefined, 20);
    if (this.cy.zoom() > 1.2) {
      this.cy.zoom(1.2);
      this.cy.center();
    }
    this.isPart = this.cy.zoom() < LEGIBLE; // "All" shows all of it, however small
    if (this.isPart) this.cy.zoom(LEGIBLE);
  }

  /** Move the drawing, if a node is not in it. */
  reveal(drawn) {
    const [all, box] = [this.cy.extent(), drawn.boundingBox()];
    if (box.x1 < all.x1 || box.x2 > all.x2 || box.y1 < all.y1 || box.y2 > all.y2) this.cy.center(drawn);
  }

  /** Write the list: the same nodes, from sources to results, for keyboards and screen readers. */
  write(order) {
    const lines = order.map((iri, number) => {
      const node = this.nodes.get(iri);
      const line = document.createElement("li");
      line.role = "option";
      line.id = `graph-node-${number}`;
      line.dataset.iri = iri;
      line.dataset.type = node.type;
      line.setAttribute("aria-selected", "false");
      line.textContent = this.describe(node);
      node.line = line;
      return line;
    });
    this.list.replaceChildren(...lines);
  }

  describe(node) {
    const parts = [
      node.type === "action" ? `${this.words.job} ${node.label}` : node.label,
      node.status === "failed" ? this.words.did_fail : "",
      node.root ? this.words.root : "",
      node.before ? say(this.words.before, { n: node.before }) : "",
      node.after ? say(this.words.after, { n: node.after }) : "",
    ];
    return parts.filter(Boolean).join(", ");
  }

  choose(iri, { seen = false, quietly = false } = {}) {
    const node = this.nodes.get(iri);
    if (!node) return;
    this.nodes.get(this.chosen)?.line.setAttribute("aria-selected", "false");
    this.nodes.get(this.chosen)?.line.classList.remove("active");
    this.chosen = iri;
    node.line.setAttribute("aria-selected", "true");
    node.line.classList.add("active");
    this.list.setAttribute("aria-activedescendant", node.line.id);
    this.list.scrollTop = node.line.offsetTop - this.list.offsetTop - this.list.clientHeight / 2;
    this.cy.elements().removeClass("chosen beside");
    const drawn = this.cy.getElementById(iri);
    drawn.addClass("chosen").connectedEdges().addClass("beside");
    if (quietly && this.isPart) this.cy.center(drawn);
    else if (!seen) this.reveal(drawn);
    this.asked.set("selected", iri);
    if (!quietly) this.remember();
    this.show(node);
  }

  /** Show what is known of a node beside the drawing. */
  show(node) {
    const title = document.createElement("h3");
    title.textContent = node.label;
    const facts = document.createElement("dl");
    const fact = (name, value) => {
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      dt.textContent = name;
      dd.textContent = value;
      facts.append(dt, dd);
    };
    for (const [name, value] of node.told) fact(name, value);
    const names = (iris) => iris.map((iri) => this.nodes.get(iri).label).join(", ");
    const [before, after] = [this.beside(node.iri, true), this.beside(node.iri, false)];
    if (before.length) fact(this.words.comes_of, names(before));
    if (after.length) fact(this.words.leads_to, names(after));
    const deeds = document.createElement("p");
    deeds.className = "do";
    if (node.before || node.after || node.expanded) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = node.expanded ? this.words.shrink : this.words.expand;
      button.addEventListener("click", () => this.toggle(node.iri));
      deeds.append(button);
    }
    deeds.append(this.link(node.page, this.words.open), this.link(`/graph?${new URLSearchParams({ thing: node.iri })}`, this.words.centre));
    this.panel.replaceChildren(title, deeds, facts);
  }

  link(address, text) {
    const made = document.createElement("a");
    made.href = address;
    made.textContent = text;
    return made;
  }

  beside(iri, before) {
    const [here, there] = before ? ["dst", "src"] : ["src", "dst"];
    return [...new Set(this.edges.filter((edge) => edge[here] === iri).map((edge) => edge[there]))];
  }

  /** Show what is next to a node, or hide that again. */
  async toggle(iri) {
    const node = this.nodes.get(iri);
    if (!node || !(node.before || node.after || node.expanded)) return;
    const expanded = this.asked.getAll("expanded");
    const without = expanded.filter((each) => each !== iri);
    const wasDrawn = this.nodes.size;
    this.asked.delete("expanded");
    for (const each of node.expanded ? without : [...without, iri]) this.asked.append("expanded", each);
    this.asked.set("selected", iri);
    this.remember();
    try {
      await this.load();
    } catch (error) {
      this.tell(say(this.words.failed, { why: error.message }));
      return;
    }
    const text = node.expanded ? this.words.shrunk : this.words.expanded;
    this.state.textContent = `${say(text, { name: node.label, n: this.nodes.size - wasDrawn })} ${this.state.textContent}`;
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const lines = [...this.list.children];
    const here = lines.findIndex((line) => line.dataset.iri === this.chosen);
    const moves = {
      ArrowDown: () => lines[here + 1]?.dataset.iri,
      ArrowUp: () => lines[here - 1]?.dataset.iri,
      ArrowLeft: () => this.beside(this.chosen, true)[0],
      ArrowRight: () => this.beside(this.chosen, false)[0],
      Home: () => lines[0]?.dataset.iri,
      End: () => lines.at(-1)?.dataset.iri,
    };
    if (event.key === "Enter" || event.key === " ") this.toggle(this.chosen);
    else if (event.key in moves) this.choose(moves[event.key]());
    else return;
    event.preventDefault();
  }

  remember() {
    history.replaceState(null, "", `?${this.asked}${location.hash}`);
  }

  /** Take the page's colours, which follow what the reader's system prefers. */
  paint() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const node = { shape: "round-rectangle", width: "data(width)", height: "data(height)", label: "data(label)", "text-valign": "center" };
    this.cy.style([
      { selector: "node", style: { ...node, "font-size": FONT, "font-family": "system-ui, sans-serif", color: colour("text"), "background-color": colour("thing"), "border-width": 1, "border-color": colour("edge") } },
      { selector: ".source", style: { "background-color": colour("source") } },
      { selector: ".action", style: { shape: "ellipse", "background-color": colour("job") } },
      { selector: ".failed", style: { "border-width": 3, "border-color": colour("bad") } },
      { selector: ".root", style: { "border-width": 4, "border-color": colour("root"), "font-weight": "bold" } },
      { selector: "edge", style: { width: 1.5, "line-color": colour("edge"), "target-arrow-color": colour("edge"), "target-arrow-shape": "triangle", "curve-style": "bezier" } },
      { selector: ".same", style: { "line-style": "dashed" } },
      { selector: ".chosen", style: { "outline-width": 3, "outline-color": colour("link"), "outline-offset": 2 } },
      { selector: ".beside", style: { width: 3, "line-color": colour("link"), "target-arrow-color": colour("link") } },
    ]);
  }
}

/** Places nodes in a worker, so that the page answers meanwhile. */
class Layout {
  constructor() {
    this.worker = new Worker("/static/bundle/layout_worker.js");
    this.waiting = new Map();
    this.count = 0;
    this.worker.addEventListener("message", ({ data }) => this.waiting.get(data.asked)?.resolve(data.places));
    this.worker.addEventListener("error", (event) => {
      for (const each of this.waiting.values()) each.reject(new Error(event.message || "layout"));
    });
  }

  places(nodes, edges, direction) {
    const asked = (this.count += 1);
    const given = nodes.map(({ id, width, height }) => ({ id, width, height }));
    return new Promise((resolve, reject) => {
      this.waiting.set(asked, { resolve, reject });
      this.worker.postMessage({ asked, nodes: given, edges, direction });
    });
  }
}

function sized(node) {
  const width = Math.max(60, (node.label.length + 2) * FONT * 0.62);
  return node.type === "action" ? { id: node.iri, width: width * 1.15, height: 40 } : { id: node.iri, width, height: 32 };
}

for (const section of document.querySelectorAll("[data-graph]")) new Graph(section).begin();
