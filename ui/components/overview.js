// The browser half of overview.py: columns of thumbnails cut out of one sprite each, and lines that
// are drawn only for the map being pointed at. Streamlit calls the default export again on every
// rerun with the same parentElement: what is shown is rebuilt only when it has changed.

const SVG = "http://www.w3.org/2000/svg";
const IMAGE = -1;
const MOST_FAINT = 4000; // lines drawn all the time; beyond that they are fog
const views = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = createView(parentElement)));
  view.update(data, setTriggerValue);
  return () => { if (!parentElement.isConnected) view.dispose(); };
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function createView(root) {
  const $ = (selector) => root.querySelector(selector);
  const stage = $(".stage"), lines = $(".lines"), holder = $(".columns"), say = $(".say");
  let data = null, send = () => {}, stamp = null;
  let columns = []; // {box, tiles} as elements; index −1 is the image
  let incoming = [], framed = false, base = 6; // pixels from the top to the column-level wires

  const watcher = new ResizeObserver(() => drawWires());

  // ---- building ------------------------------------------------------------------------------
  function build() {
    holder.replaceChildren();
    stage.querySelectorAll(".frame").forEach((one) => one.remove());
    columns = [];
    incoming = data.columns.map(() => []);
    data.links.forEach((link) => {
      link.bytes = Uint8Array.from(atob(link.strength), (one) => one.charCodeAt(0));
      incoming[link.target].push(link);
    });
    columns[IMAGE] = addImage();
    data.columns.forEach((column, number) => { columns[number] = addColumn(column, number); });
    say.textContent = data.hint;
    framed = data.columns.some((column) => column.block);
    const skips = data.links.some((link) => link.target - link.source !== 1);
    base = framed && skips ? 54 : framed ? 30 : skips ? 34 : 6;
    holder.style.paddingTop = `${base + 12}px`;
    drawWires();
  }

  function addImage() {
    const box = element("div", "column input");
    const head = element("div", "head");
    head.append(element("b", "", "Input"), element("span", "", data.image.shape));
    const body = element("div", "body"), tile = element("div", "tile");
    body.style.setProperty("--sprite", `url(${data.image.src})`);
    tile.style.height = `${Math.round(72 * data.image.ratio)}px`;
    tile.style.backgroundSize = "100% 100%";
    tile.setAttribute("role", "img");
    tile.setAttribute("aria-label", "The input image");
    body.append(tile);
    box.append(head, body, element("div", "more", ""));
    holder.append(box);
    return { box, tiles: [tile] };
  }

  function addColumn(column, number) {
    const box = element("div", "column" + (column.names ? " named-column" : ""));
    const head = element(column.folded ? "button" : "div", "head");
    head.append(element("b", "", column.short), element("span", "", column.label),
      element("span", "", column.shape));
    head.title = column.title;
    if (column.folded) {
      head.type = "button";
      head.addEventListener("click", () => send("picked", { open: column.name }));
    }
    const body = element("div", "body" + (column.strip ? " strip" : "") + (column.names ? " named" : ""));
    body.style.setProperty("--sprite", `url(${column.sprite})`);
    const count = column.channels.length;
    const high = tileHeight(column, count);
    const tiles = column.channels.map((channel, index) => {
      const tile = element("button", "tile");
      tile.type = "button";
      tile.tabIndex = index === 0 ? 0 : -1;
      tile.style.height = `${high}px`;
      tile.style.backgroundSize = `100% ${high * count}px`;
      tile.style.backgroundPosition = `0 ${-high * index}px`;
      tile.dataset.at = `${number},${index}`;
      tile.setAttribute("aria-label", column.texts[index]);
      body.append(tile);
      return tile;
    });
    if (column.names) {
      column.names.forEach((name, index) => {
        const line = element("div", "name");
        line.style.top = `calc(50% + ${(index + 0.5 - count / 2) * high}px)`;
        line.append(element("b", "", column.shares[index]), ` ${name}`);
        line.title = `${name}: ${column.shares[index]}`;
        body.append(line);
      });
    }
    box.append(head, body, element("div", "more", column.more ? `+ ${column.more} more` : ""));
    holder.append(box);
    return { box, tiles };
  }

  function tileHeight(column, count) {
    const width = Math.min(46, Number.parseFloat(getComputedStyle(stage).getPropertyValue("--tile")) || 42);
    const room = data.rows * (width + 6) - 6;
    stage.style.setProperty("--body", `${room}px`);
    if (column.strip) return Math.min(Math.floor(room / count), column.classes ? width : 22) || 1;
    const natural = Math.round(width * column.ratio);
    return Math.max(6, Math.min(natural, Math.floor((room + 6) / count) - 6));
  }

  // ---- lines ---------------------------------------------------------------------------------
  function place(tile, side) {
    const box = tile.getBoundingClientRect(), origin = stage.getBoundingClientRect();
    return [box[side] - origin.left, (box.top + box.bottom) / 2 - origin.top];
  }

  function curve(from, to) {
    const bend = Math.max(12, (to[0] - from[0]) * 0.45);
    return `M${from} C${from[0] + bend},${from[1]} ${to[0] - bend},${to[1]} ${to}`;
  }

  function path(className, d) {
    const made = document.createElementNS(SVG, "path");
    made.setAttribute("class", className);
    made.setAttribute("d", d);
    lines.append(made);
    return made;
  }

  function port(number) { // where the column-level wires meet a column: above its head
    const box = columns[number].box, y = base;
    return [box.offsetLeft + box.offsetWidth / 2 + (data.columns[number]?.names ? -52 : 0), y];
  }

  function drawWires() {
    if (!data) return;
    lines.replaceChildren();
    stage.querySelectorAll(".frame").forEach((one) => one.remove());
    const known = data.links.filter((link) => link.kind !== "all"); // that all feeds all says nothing
    const total = known.reduce((sum, link) => sum + (link.kind === "same" ? 10 : link.bytes.length), 0);
    if (total <= MOST_FAINT) known.forEach(drawFaint);
    for (const link of data.links) {
      const from = port(link.source), to = port(link.target);
      const direct = link.target - link.source === 1;
      // what skips columns goes round above them
      const high = base - Math.min(36, 14 + 3 * (link.target - link.source));
      link.wire = path("wire", direct ? `M${from} L${to}`
        : `M${from} C${from[0] + 10},${high} ${to[0] - 10},${high} ${to}`);
    }
    for (let number = IMAGE; number < data.columns.length; number++) {
      const dot = document.createElementNS(SVG, "circle"), [x, y] = port(number);
      dot.setAttribute("class", "dot");
      dot.setAttribute("cx", x); dot.setAttribute("cy", y); dot.setAttribute("r", 2.6);
      lines.append(dot);
    }
    drawFrames();
  }

  function drawFaint(link) {
    const sources = columns[link.source].tiles, parts = []; // an image of three channels is one tile
    columns[link.target].tiles.forEach((tile, to) => sources.forEach((from, index) => {
      if (link.bytes[to * link.width + index] > 0) {
        parts.push(curve(place(from, "right"), place(tile, "left")));
      }
    }));
    if (parts.length) path(parts.length > 150 ? "faint many" : "faint", parts.join(""));
  }

  function drawFrames() { // a band above neighbours that lie in the same opened block
    let first = 0;
    data.columns.forEach((column, number) => {
      if (data.columns[number + 1]?.block === column.block) return;
      if (column.block) drawFrame(column.block, columns[first].box, columns[number].box);
      first = number + 1;
    });
  }

  function drawFrame(name, first, last) {
    const closable = data.foldable.find((one) => `${name}.`.startsWith(`${one}.`));
    const frame = element(closable ? "button" : "div", "frame", closable ? `${name} ×` : name);
    frame.title = closable ? `Fold ${closable} again` : name;
    frame.style.left = `${first.offsetLeft - 6}px`;
    frame.style.width = `${last.offsetLeft + last.offsetWidth - first.offsetLeft + 12}px`;
    if (closable) {
      frame.type = "button";
      frame.addEventListener("click", () => send("picked", { close: closable }));
    }
    stage.append(frame);
  }

  // ---- pointing ------------------------------------------------------------------------------
  function point(tile) {
    release();
    const [number, index] = tile.dataset.at.split(",").map(Number);
    const column = data.columns[number];
    stage.classList.add("pointing");
    tile.classList.add("on");
    const told = [];
    for (const link of incoming[number]) {
      const sources = columns[link.source].tiles;
      link.wire?.classList.add("live");
      let best = -1, count = 0;
      for (let from = 0; from < link.width; from++) {
        const strength = link.bytes[index * link.width + from] / 255;
        if (!strength) continue;
        count += 1;
        if (best < 0 || strength > link.bytes[index * link.width + best] / 255) best = from;
        const source = sources[Math.min(from, sources.length - 1)];
        source.classList.add("lit");
        if (link.source === IMAGE && from > 0 && link.kind !== "weights") continue;
        const edge = path("edge", curve(place(source, "right"), place(tile, "left")));
        edge.setAttribute("stroke-width", (0.7 + 2.6 * strength).toFixed(2));
        edge.setAttribute("stroke-opacity", (0.25 + 0.75 * strength).toFixed(2));
      }
      told.push(tell(link, index, best, count));
    }
    say.textContent = `${column.texts[index]}. ${told.filter(Boolean).join(" ")}`;
  }

  function tell(link, index, best, count) {
    const source = data.columns[link.source], name = source ? source.name : "the image";
    const hidden = source?.more ? ` (${source.more} not shown)` : "";
    if (!count) return `None of the maps of ${name} shown feeds it${hidden}.`;
    const label = (from) => (source ? `${source.unit} ${source.channels[from]}` : `channel ${from}`);
    if (link.kind === "same") return `Made of ${label(best)} of ${name}.`;
    if (link.kind === "all") return `Through ${name === "the image" ? "its layers" : "what lies between"} it may depend on everything in ${name}${hidden}.`;
    const value = (link.bytes[index * link.width + best] / 255 * link.top).toPrecision(3);
    return `Made of ${count} shown of ${name}${hidden}; the largest ${source?.strip ? "weight" : "kernel norm"} is ${value}, on ${label(best)}.`;
  }

  function release() {
    stage.classList.remove("pointing");
    stage.querySelectorAll(".on, .lit").forEach((one) => one.classList.remove("on", "lit"));
    lines.querySelectorAll(".edge").forEach((one) => one.remove());
    data?.links.forEach((link) => link.wire?.classList.remove("live"));
  }

  function rest() {
    release();
    if (data) say.textContent = data.hint;
  }

  const tileOf = (event) => event.target.closest?.(".tile[data-at]");
  holder.addEventListener("pointerover", (event) => { const tile = tileOf(event); if (tile) point(tile); });
  holder.addEventListener("pointerleave", rest);
  holder.addEventListener("focusin", (event) => { const tile = tileOf(event); if (tile) point(tile); });
  holder.addEventListener("focusout", rest);
  let touched = null; // with a finger the first tap points, the second opens
  holder.addEventListener("pointerdown", (event) => {
    touched = event.pointerType === "touch" ? touched : null;
    if (event.pointerType !== "touch") return;
    const tile = tileOf(event);
    if (tile && touched !== tile) { touched = tile; tile.dataset.first = "1"; }
  });
  holder.addEventListener("click", (event) => {
    const tile = tileOf(event);
    if (!tile) return;
    if (tile.dataset.first) { delete tile.dataset.first; point(tile); return; }
    const [column, index] = tile.dataset.at.split(",").map(Number);
    send("picked", { column, index, stamp });
  });
  holder.addEventListener("keydown", (event) => {
    const tile = tileOf(event);
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!tile || !move) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit's own single-key shortcuts
    const [number, index] = tile.dataset.at.split(",").map(Number);
    const next = columns[number + move[0]];
    if (!next || number + move[0] < 0) return;
    const share = move[0] ? (index + 0.5) / columns[number].tiles.length * next.tiles.length : index + move[1];
    next.tiles[Math.max(0, Math.min(next.tiles.length - 1, Math.floor(share)))]?.focus();
  });

  // ---- from Python ---------------------------------------------------------------------------
  function update(fresh, setTriggerValue) {
    send = setTriggerValue;
    if (fresh.stamp === stamp) return;
    stamp = fresh.stamp;
    data = fresh;
    $(".ov").setAttribute("aria-label", data.alt);
    build();
    watcher.observe(stage);
  }

  return { update, dispose: () => watcher.disconnect() };
}
