// The panels of the player: pictures, tiles of numbers in colours, bars. Each has `show(index,
// pinned, own)`: the moment seen, the one held beside it or null, whether scales are a moment's own.

const STEPS = 32000, MISSING = -32768; // as player_data.py packs values
const EDGE_COLOUR = "rgba(125, 135, 148, 0.35)"; // as the palette's gaps
const LEVELS = 251, MISSING_INDEX = 251; // of the palette, as theme.py lays it out
const BACKING = 560; // canvas pixels a side, about

function buildPanels(place, data) {
  const palettes = Object.fromEntries(
    Object.entries(data.palettes).map(([name, text]) => [name, bytes(text)]));
  const makers = { pictures: picturesPanel, values: valuesPanel, bars: barsPanel };
  const old = new Map([...place.children].map((box) => [box.dataset.title, box]));
  const built = data.panels.map((panel) => {
    const box = document.createElement("div");
    box.className = "panel";
    box.dataset.kind = panel.kind;
    box.dataset.title = panel.title;
    box.style.setProperty("--grow", panel.grow);
    box.style.setProperty("--most", `${panel.pixels}px`);
    box.style.setProperty("--basis", `${Math.min(panel.pixels, 125 * panel.grow)}px`);
    // A panel keeps its height until its new picture is drawn, so that nothing jumps.
    box.style.minHeight = `${old.get(panel.title)?.offsetHeight ?? 0}px`;
    if (panel.title) box.append(element("h4", panel.title));
    const show = makers[panel.kind](box, panel, palettes);
    return { box, show: (...moment) => { show(...moment); box.style.minHeight = ""; } };
  });
  place.replaceChildren(...built.map((one) => one.box));
  return built;
}

function element(tag, text = "", className = "") {
  const node = document.createElement(tag);
  node.textContent = text;
  node.className = className;
  return node;
}

const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const signed = (text) => text.replace("-", "−");

/** Places for A, B and what changed; `count` of them are shown. */
function makeViews(box, names, make) {
  const row = element("div", "", "views");
  const views = names.map((name) => {
    const figure = element("figure", "", "view"), inside = make();
    if (name) figure.append(element("figcaption", name));
    figure.append(inside);
    row.append(figure);
    return { figure, inside };
  });
  box.append(row);
  return views;
}

// ---- pictures ------------------------------------------------------------------------------------
function picturesPanel(box, panel) {
  const image = () => Object.assign(document.createElement("img"), { alt: panel.alt || panel.title });
  const changes = panel.data.length > 1;
  const views = makeViews(box, changes ? ["A", "B"] : [""], image);
  if (panel.note) box.append(element("p", panel.note, "note"));
  const put = (view, index) => {
    const source = `data:image/png;base64,${panel.data[changes ? index : 0]}`;
    if (view.inside.src === source) return;
    view.inside.onload = () =>
      view.inside.style.setProperty("--ratio", view.inside.naturalWidth / view.inside.naturalHeight);
    view.inside.src = source;
  };
  return (index, pinned) => {
    const [first, second] = views;
    first.figure.hidden = changes && pinned === null;
    if (!changes) return put(first, 0);
    if (pinned !== null) put(first, pinned);
    return put(second, index);
  };
}

// ---- tiles of numbers ----------------------------------------------------------------------------
function valuesPanel(box, panel, palettes) {
  const { count, channels, height, width, columns } = panel;
  const rows = Math.ceil(count / columns);
  const gap = count > 1 ? 8 : 0;
  const zoom = Math.max(1, Math.floor(BACKING / Math.max(columns * width, 0.7 * rows * height)));
  const cell = { w: width * zoom + gap, h: height * zoom + gap };
  const size = { w: columns * cell.w - gap, h: rows * cell.h - gap };
  const decoded = new Map();
  const small = Object.assign(document.createElement("canvas"), { width, height: height * count });
  const views = makeViews(box, ["A", "B", "B − A"], () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: size.w, height: size.h });
    canvas.style.setProperty("--ratio", size.w / size.h);
    canvas.setAttribute("role", "img");
    return canvas;
  });
  const bar = scaleBar(panel, palettes);
  const note = element("p", "", "note");
  box.append(bar.node, note);
  let now = null; // what is seen, for the read-out
  const reaches = new Map(); // by the moment held as A: the largest change to any other

  function moment(index) {
    if (!decoded.has(index)) {
      const steps = new Int16Array(bytes(panel.data[index]).buffer);
      decoded.set(index, Float32Array.from(steps, (one) => (one === MISSING ? NaN : (one / STEPS) * panel.limit)));
    }
    return decoded.get(index);
  }
  const largest = (values) => values.reduce((top, one) => (Math.abs(one) > top ? Math.abs(one) : top), 0);

  function reach(pinned) {
    // One scale for B − A wherever B is, so that scrubbing shows how the change grows.
    if (!reaches.has(pinned)) {
      const then = moment(pinned);
      reaches.set(pinned, Math.max(...panel.data.map((_, index) => largest(moved(moment(index), then)))));
    }
    return reaches.get(pinned);
  }
  const moved = (values, then) => values.map((one, i) => one - then[i]);

  function paint(canvas, values, limit, scale) {
    const image = new ImageData(width, height * count);
    const area = width * height, table = palettes[scale];
    for (let tile = 0; tile < count; tile++) {
      for (let at = 0; at < area; at++) {
        const pixel = 4 * (tile * area + at);
        if (channels === 3) {
          for (let c = 0; c < 3; c++) {
            const one = values[(tile * 3 + c) * area + at];
            image.data[pixel + c] = Number.isNaN(one) || !limit ? 128 : Math.round(255 * (0.5 + (0.5 * one) / limit));
          }
          image.data[pixel + 3] = 255;
        } else {
          const index = level(values[tile * area + at], limit, scale);
          for (let c = 0; c < 4; c++) image.data[pixel + c] = table[4 * index + c];
        }
      }
    }
    small.getContext("2d").putImageData(image, 0, 0);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.clearRect(0, 0, size.w, size.h);
    pen.lineWidth = 1;
    pen.setLineDash([]);
    for (let tile = 0; tile < count; tile++) {
      const x = (tile % columns) * cell.w, y = Math.floor(tile / columns) * cell.h;
      pen.drawImage(small, 0, tile * height, width, height, x, y, width * zoom, height * zoom);
      if (gap) { // the edge of a pale tile is seen on a pale page
        pen.strokeStyle = EDGE_COLOUR;
        pen.strokeRect(x + 0.5, y + 0.5, width * zoom - 1, height * zoom - 1);
      }
    }
    if (panel.box) outline(pen, canvas);
  }

  function level(value, limit, scale) {
    if (Number.isNaN(value)) return MISSING_INDEX;
    const share = limit ? value / limit : 0;
    const from0to1 = scale === "diverging" ? 0.5 + share / 2 : share;
    return Math.round(Math.min(1, Math.max(0, from0to1)) * (LEVELS - 1));
  }

  function outline(pen, canvas) {
    const [left, top, right, bottom] = panel.box.map((one) => one * zoom);
    pen.lineWidth = Math.max(2, size.w / 160);
    for (const [colour, dash] of [["#0009", []], [getComputedStyle(canvas).color, [6, 5]]]) {
      pen.strokeStyle = colour;
      pen.setLineDash(dash);
      pen.strokeRect(left, top, right - left, bottom - top);
    }
  }

  function read(event) {
    const canvas = event.currentTarget, place = canvas.getBoundingClientRect();
    const x = ((event.clientX - place.left) / place.width) * size.w;
    const y = ((event.clientY - place.top) / place.height) * size.h;
    const column = Math.floor(x / cell.w), tile = Math.floor(y / cell.h) * columns + column;
    const inX = Math.floor((x - column * cell.w) / zoom);
    const inY = Math.floor((y - Math.floor(y / cell.h) * cell.h) / zoom);
    if (!(tile >= 0 && tile < count && inX >= 0 && inX < width && inY >= 0 && inY < height)) return leave();
    const places = Array.from({ length: channels }, (_, c) => ((tile * channels + c) * height + inY) * width + inX);
    const all = (values) => places.map((one) => number(values[one])).join(", ");
    const where = [
      panel.tiles[tile] ?? (panel.tile && `${panel.tile} ${tile}`),
      `${panel.axes[0]} ${panel.rows[inY] ?? inY}, ${panel.axes[1]} ${panel.cells[inX] ?? inX}`,
    ].filter(Boolean).join(" · ");
    const change = now.then && places.map((one) => now.values[one] - now.then[one]);
    note.textContent = now.then
      ? `${where}: A ${all(now.then)} → B ${all(now.values)} (${change.map((one) => (one > 0 ? "+" : "") + number(one)).join(", ")})`
      : `${where}: ${all(now.values)}`;
    note.classList.add("read");
  }

  function number(value) {
    if (Number.isNaN(value)) return "no number";
    if (panel.percent) return `${signed((100 * value).toFixed(1))} %`;
    // As many digits as a 16-bit share of the limit has.
    const digits = Math.min(6, Math.max(0, Math.floor(-Math.log10((panel.limit || 1) / STEPS))));
    return signed(value.toFixed(digits));
  }

  function leave() {
    note.classList.remove("read");
    note.textContent = [now?.note, panel.note].filter(Boolean).join(" ");
  }

  for (const { inside } of views) {
    inside.addEventListener("pointermove", read);
    inside.addEventListener("pointerdown", read);
    inside.addEventListener("pointerleave", leave);
  }

  return (index, pinned, own) => {
    const [a, b, change] = views;
    const values = moment(index), then = pinned === null ? null : moment(pinned);
    const alone = own && panel.own;
    const limit = alone ? largest(values) : panel.limit;
    now = { values, then, note: panel.notes[index] };
    a.figure.hidden = change.figure.hidden = then === null;
    paint(b.inside, values, limit, panel.scale);
    b.inside.setAttribute("aria-label", [panel.title, panel.notes[index]].filter(Boolean).join(": "));
    bar.show(limit, alone && then !== null);
    if (then !== null) {
      paint(a.inside, then, alone ? largest(then) : panel.limit, panel.scale);
      const changes = moved(values, then), far = alone ? largest(changes) : reach(pinned);
      paint(change.inside, changes, far, "diverging");
      change.inside.setAttribute("aria-label", `${panel.title}: B minus A`);
      bar.showChange(far);
    } else bar.showChange(null);
    leave();
  };
}

/** The colours with the values at their ends, and those of B − A. */
function scaleBar(panel, palettes) {
  const node = element("div", "", "scales");
  const line = (scale, words) => {
    const row = element("div", "", "scale"), low = element("span"), high = element("span");
    if (words) row.append(element("span", words, "what"));
    const colours = document.createElement("i");
    const table = palettes[scale];
    const stops = Array.from({ length: 11 }, (_, i) => 4 * Math.round((i * (LEVELS - 1)) / 10));
    colours.style.background = `linear-gradient(to right, ${stops.map((i) => `rgb(${table[i]},${table[i + 1]},${table[i + 2]})`).join(",")})`;
    row.append(low, colours, high);
    node.append(row);
    return (limit, each) => {
      row.hidden = limit === null;
      if (limit === null) return;
      const text = each ? "largest of each" : panel.percent ? `${Math.round(100 * limit)} %` : limit.toPrecision(3);
      low.textContent = scale === "sequential" ? "0" : each ? "" : `−${text}`;
      high.textContent = text;
    };
  };
  const show = panel.channels === 3 ? () => {} : line(panel.scale, "");
  const change = panel.channels === 3 ? () => {} : line("diverging", "B − A");
  return { node, show, showChange: (limit) => change(limit, false) };
}

// ---- bars ----------------------------------------------------------------------------------------
function barsPanel(box, panel) {
  const grid = element("div", "", "bars");
  const rows = panel.names.map((name, i) => {
    const target = i === panel.target ? " target" : "";
    const label = element("span", (target && "✓ ") + name, `name${target}`);
    const track = element("span", "", `track${target}`), number = element("span", "", "number");
    label.title = name;
    const bar = document.createElement("i"), then = document.createElement("b");
    track.append(bar, then);
    grid.append(label, track, number);
    return { track, then, number };
  });
  box.append(grid);
  if (panel.note) box.append(element("p", panel.note, "note"));
  const percent = (value) => (value === null ? "no number" : `${(100 * value).toFixed(1)} %`);
  return (index, pinned) => {
    rows.forEach(({ track, then, number }, i) => {
      const value = panel.data[index][i], before = pinned === null ? null : panel.data[pinned][i];
      track.style.setProperty("--share", value ?? 0);
      then.hidden = before === null;
      then.style.setProperty("--then", before ?? 0);
      number.textContent = percent(value);
      if (before !== null && value !== null) {
        const moved = 100 * (value - before);
        number.append(element("span", ` ${moved > 0 ? "+" : ""}${signed(moved.toFixed(1))}`, "changed"));
      }
    });
  };
}
