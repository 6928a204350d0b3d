// Where cells lie on the three canvases and how they look.

const CHANNEL_GAP = 0.7, SLICE_GAP = 0.35; // in cells
const LABEL = 15; // pixels above a slice
const MAX_HEIGHT = 400;
const MIN_CELL = 22; // pixels: smaller ones leave no room for a number to be read
const VIEW = { beside: 460, stacked: 370 }; // pixels of a panel before it scrolls
const CAPTION = 114; // pixels that the words over a panel take at least

const panelShape = (one, panel) => ({
  input: { count: one.C, shape: one.grid, label: "channel" },
  kernel: { count: one.weight ? one.per : 0, shape: one.kernel, label: "channel" },
  output: { count: one.O, shape: one.out, label: "filter" },
})[panel];

// A panel in cells, with so many channels and so many slices of each beside each other.
function measure(one, panel, columns, slices) {
  const { count, shape: [D, H, W], label } = panelShape(one, panel);
  const across = Math.min(columns, count), down = Math.ceil(count / across);
  const beside = Math.min(slices, D), rows = Math.ceil(D / beside);
  const tile = beside * W + (beside - 1) * SLICE_GAP, tall = rows * H + (rows - 1) * SLICE_GAP;
  const head = count > 1 || D > 1 ? LABEL : 0;
  return {
    panel, count, across, beside, rows, tile, tall, label, head, labels: down * rows * head,
    wide: across * tile + (across - 1) * CHANNEL_GAP, high: down * tall + (down - 1) * CHANNEL_GAP,
  };
}

// Numbers of slices beside each other that differ in how many rows they make, most first.
function sliceChoices(D) {
  const found = [];
  for (let rows = 1; rows <= D; rows++) {
    const beside = Math.ceil(D / rows);
    if (beside !== found.at(-1)) found.push(beside);
  }
  return found;
}

function* arrangements(one, names) {
  const most = Math.max(...names.map((panel) => panelShape(one, panel).count));
  for (let columns = 1; columns <= most; columns++) {
    let choices = [[]];
    for (const panel of names) {
      const slices = sliceChoices(panelShape(one, panel).shape[0]);
      choices = choices.flatMap((before) => slices.map((beside) => [...before, measure(one, panel, columns, beside)]));
    }
    yield* choices;
  }
}

const arranged = new WeakMap(); // the last answer for each operation, as every frame asks

function arrange(one, width) {
  if (arranged.get(one)?.width !== width) arranged.set(one, { width, layout: findLayout(one, width) });
  return arranged.get(one).layout;
}

// The largest cells with which all three fit: channels, and slices of volumes, beside or below each
// other, whichever is larger. Where they would be too small to read, panels scroll instead.
function findLayout(one, width) {
  const narrow = width < 576, names = PANELS.filter((panel) => panel !== "kernel" || one.weight);
  const volumes = names.some((panel) => panelShape(one, panel).shape[0] > 1);
  let best = null;
  for (const panels of arrangements(one, names)) {
    const sum = (field) => panels.reduce((total, panel) => total + panel[field], 0);
    const beside = Math.min((width - 110 - 6 * panels.length) / sum("wide"),
      ...panels.map((panel) => (MAX_HEIGHT - panel.labels) / panel.high));
    // Rows of cells and slices of volumes are wide: below each other they can be larger.
    const widest = Math.min(...panels.map((panel) => (width - 6) / panel.wide));
    const tallest = volumes ? Math.min(...panels.map((panel) => (VIEW.stacked - panel.labels) / panel.high)) : Infinity;
    const below = narrow ? Math.min(widest, tallest) : Math.min(widest, (MAX_HEIGHT - 30 * panels.length - sum("labels")) / sum("high"));
    const stacked = narrow || below > 1.1 * beside;
    const fits = Math.min(stacked ? below : beside, narrow ? 36 : 46);
    if (!best || fits > best.fits + 0.5) best = { fits, panels, stacked };
  }
  const result = best.fits >= MIN_CELL ? { ...best, cell: Math.floor(best.fits), view: null } : scrolling(one, names, width, narrow);
  return { ...result, panels: Object.fromEntries(result.panels.map((panel) => [panel.panel, panel])) };
}

// The smallest readable cells, with as little to scroll as the width allows.
function scrolling(one, names, width, narrow) {
  let best = null;
  for (const panels of narrow ? [] : arrangements(one, names)) {
    const wide = panels.reduce((total, panel) => total + Math.max(CAPTION, panel.wide * MIN_CELL + 24), 0), high = Math.max(...panels.map((panel) => panel.high));
    if (wide <= width - 94 && (!best || high < best.high)) best = { high, panels };
  }
  if (best) return { panels: best.panels, cell: MIN_CELL, stacked: false, view: VIEW.beside };
  const panels = names.map((name) => {
    const fitting = [...arrangements(one, [name])].map(([panel]) => panel).filter((panel) => panel.wide * MIN_CELL <= width - 22);
    return fitting.sort((a, b) => a.high - b.high)[0] ?? measure(one, name, 1, 1);
  });
  return { panels, cell: MIN_CELL, stacked: true, view: VIEW.stacked };
}

// Left and top of a cell in pixels.
function spot(one, layout, panel, channel, [d, h, w]) {
  const { across, beside, rows, tile, tall, head } = layout.panels[panel], { cell } = layout;
  const [, H, W] = panelShape(one, panel).shape;
  const column = channel % across, row = Math.floor(channel / across);
  return [
    1 + cell * (column * (tile + CHANNEL_GAP) + (d % beside) * (W + SLICE_GAP) + w),
    1 + row * (cell * (tall + CHANNEL_GAP) + rows * head) + Math.floor(d / beside) * (cell * (H + SLICE_GAP) + head) + head + cell * h,
  ];
}

// Scroll a panel as little as shows the slices with marks, or where they are too many, the first.
function follow(box, one, layout, panel, marks) {
  const { shape } = panelShape(one, panel), { head } = layout.panels[panel], { cell } = layout, places = [];
  for (const [mark, { role }] of marks[panel]) {
    const channel = Math.floor(mark / 1e6), here = unflatten(mark % 1e6, shape);
    const [left, top] = spot(one, layout, panel, channel, here), slice = spot(one, layout, panel, channel, [here[0], 0, 0])[1] - head;
    places.push({ now: role === "now", left: [left, left + cell], top: [top, top + cell], slice: [slice, slice + head + cell * shape[1]] });
  }
  if (!places.length) return;
  const first = places.find((place) => place.now) ?? places[0];
  const span = (name) => [Math.min(...places.map((place) => place[name][0])), Math.max(...places.map((place) => place[name][1]))];
  const show = (start, room, ...spans) => {
    const [low, high] = spans.find(([from, to]) => to - from <= room) ?? spans.at(-1);
    if (low < box[start]) box[start] = low - 1;
    else if (high > box[start] + room) box[start] = Math.min(low - 1, high - room + 2);
  };
  show("scrollTop", box.clientHeight, span("slice"), first.slice, first.top);
  show("scrollLeft", box.clientWidth, span("left"), first.left);
}

function hit(one, layout, panel, x, y) {
  const { count, shape: [D, H, W] } = panelShape(one, panel);
  for (let channel = 0; channel < count; channel++) for (let d = 0; d < D; d++) {
    const [left, top] = spot(one, layout, panel, channel, [d, 0, 0]);
    const w = Math.floor((x - left) / layout.cell), h = Math.floor((y - top) / layout.cell);
    if (w >= 0 && w < W && h >= 0 && h < H) return { panel, channel, place: [d, h, w] };
  }
  return null;
}

function firstCell(panel, at, one) {
  if (panel !== "output") return { panel, channel: 0, place: [0, 0, 0] };
  const { channel, position } = splitCell(one, at.cell);
  return { panel, channel, place: position };
}

// The neighbour an arrow key leads to; over the edge of a slice into the next slice.
function move(one, panel, from, pressed) {
  const { count, shape: [D, H, W] } = panelShape(one, panel);
  let { channel, place: [d, h, w] } = from;
  if (pressed === "ArrowLeft") w -= 1;
  else if (pressed === "ArrowRight") w += 1;
  else if (pressed === "ArrowUp") h -= 1;
  else if (pressed === "ArrowDown") h += 1;
  else if (pressed === "PageUp") channel -= 1;
  else if (pressed === "PageDown") channel += 1;
  else return null;
  if (w < 0 && d > 0) { d -= 1; w = W - 1; }
  if (w >= W && d < D - 1) { d += 1; w = 0; }
  const within = (value, most) => Math.max(0, Math.min(most - 1, value));
  return { panel, channel: within(channel, count), place: [within(d, D), within(h, H), within(w, W)] };
}

// ---- looks -------------------------------------------------------------------------------------

function themeColors(section, palette) {
  const style = getComputedStyle(section);
  const get = (name) => style.getPropertyValue(name).trim();
  return { text: style.color, back: get("--st-background-color"), accent: get("--st-primary-color"), line: get("--st-border-color"), palette, font: style.fontFamily };
}

function shade(value, limit, palette) { // [css colour, text colour on it]
  const share = Math.max(0, Math.min(1, 0.5 + value / limit / 2)) * (palette.length - 1);
  const low = Math.min(palette.length - 2, Math.floor(share)), part = share - low;
  const rgb = palette[low].map((from, i) => Math.round(from + (palette[low + 1][i] - from) * part));
  const light = (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]) / 255;
  return [`rgb(${rgb.join(" ")})`, light > 0.52 ? "#141b24" : "#ffffff"];
}

function drawPanel(canvas, panel, one, layout, marks, colors) {
  const { count, shape, label } = panelShape(one, panel), { cell } = layout, place = layout.panels[panel];
  const width = Math.ceil(cell * place.wide) + 3, height = Math.ceil(cell * place.high + place.labels) + 3;
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const group = Math.floor(marks.channel / one.filters), outlines = [];
  for (let channel = 0; channel < count; channel++) {
    if (place.head) for (let d = 0; d < shape[0]; d++) {
      const [left, top] = spot(one, layout, panel, channel, [d, 0, 0]);
      pen.globalAlpha = 0.7;
      pen.fillStyle = colors.text;
      pen.font = `11px ${colors.font}`;
      pen.textAlign = "left";
      const shown = panel === "kernel" ? group * one.per + channel : channel, deep = shape[0] > 1;
      const words = [count > 1 ? `${label} ${shown}` : "", deep ? `slice ${d}` : ""].filter(Boolean).join(", ");
      const short = [count > 1 ? shown : "", deep ? d : ""].filter((part) => part !== "").join(",");
      pen.fillText(pen.measureText(words).width > cell * (deep ? shape[2] : place.tile + CHANNEL_GAP) ? short : words, left, top - 7);
      pen.textAlign = "center";
    }
    const outside = panel === "input" && Math.floor(channel / one.per) !== group;
    for (let index = 0; index < volume(shape); index++) {
      const here = unflatten(index, shape), [x, y] = spot(one, layout, panel, channel, here);
      const mark = marks[panel].get(key(channel, index));
      drawCell(pen, x, y, cell, look(panel, one, marks, channel, here, index), mark, outside && !mark ? 0.35 : 1, colors);
      if (mark) outlines.push([x, y, mark.role]);
    }
  }
  pen.globalAlpha = 1;
  for (const [x, y, role] of outlines.sort((a, b) => (a[2] === "now") - (b[2] === "now"))) {
    pen.strokeStyle = colors.accent;
    pen.lineWidth = role === "now" ? 3.5 : role === "rest" ? 1 : 2;
    pen.setLineDash(role === "rest" ? [3, 2] : []);
    const inset = pen.lineWidth / 2;
    pen.strokeRect(x + inset, y + inset, cell - 2 * inset, cell - 2 * inset);
  }
  pen.setLineDash([]);
}

function look(panel, one, marks, channel, here, index) {
  if (panel === "input") {
    const found = gridCell(one, channel, here);
    return { ...found, limit: one.limits.input, hatched: isUnread(one, here), faint: found.kind === "copy" ? 0.55 : 1 };
  }
  if (panel === "kernel") {
    return { value: one.weight[(marks.channel * one.per + channel) * volume(one.kernel) + index], kind: "cell", limit: one.limits.kernel, faint: 1 };
  }
  const number = channel * one.places + index, { channel: now, position } = marks.sum;
  const reached = now * one.places + flatten(position, one.out);
  const waiting = marks.focus === null && number > reached;
  const half = marks.focus === null && number === reached && marks.sum.shown < marks.sum.terms.length;
  const value = half ? (marks.sum.shown ? reduceTerms(one, marks.sum.terms.slice(0, marks.sum.shown), 0) : null) : one.output[number];
  return { value, kind: waiting ? "waiting" : "cell", limit: one.limits.output, faint: waiting ? 0.4 : 1, empty: half && !marks.sum.shown };
}

function drawCell(pen, x, y, size, { value, kind, limit, faint, hatched, empty }, mark, alpha, colors) {
  const colored = kind === "cell" || kind === "copy";
  pen.globalAlpha = alpha * (colored ? faint ?? 1 : 1);
  let ink = colors.text;
  if (colored && !empty && Number.isFinite(value)) {
    const [fill, text] = shade(value, limit, colors.palette);
    pen.fillStyle = fill;
    pen.fillRect(x + 0.5, y + 0.5, size - 1, size - 1);
    ink = text;
    if (kind === "copy") ink = colors.text;
  }
  pen.globalAlpha = alpha;
  pen.strokeStyle = colors.line;
  pen.lineWidth = 1;
  pen.setLineDash(colored && kind !== "copy" ? [] : [2, 2]);
  pen.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
  pen.setLineDash([]);
  if (hatched) hatch(pen, x, y, size, colors);
  if (empty) return;
  pen.globalAlpha = alpha * (colored ? 1 : kind === "gap" ? 0.35 : 0.6);
  pen.fillStyle = ink;
  const weight = mark?.weight ?? null, small = weight !== null && size >= 26;
  if (value === null) pen.fillText("–", x + size / 2, y + size / 2);
  else fit(pen, value, "", x + size / 2, y + size * (small ? 0.42 : 0.53), size, Math.min(17, size * 0.46), colors.font);
  if (small) {
    pen.globalAlpha = alpha;
    pen.fillStyle = colored ? ink : colors.accent;
    fit(pen, weight, "×", x + size * 0.62, y + size * 0.79, size * 0.72, size * 0.29, colors.font);
  }
}

// As many digits as are readable; the exact number is said where the cell is pointed at.
function fit(pen, value, sign, x, y, size, height, font) {
  const room = size - 4, least = Math.min(height, 8);
  let text, wide;
  for (const digits of [4, 3, 2, 1]) {
    text = sign + formatNumber(value, digits).replace("no number", "NaN");
    pen.font = `${height}px ${font}`;
    wide = pen.measureText(text).width;
    if (height * room >= wide * least) break;
  }
  if (wide > room) pen.font = `${Math.max(least, (height * room) / wide)}px ${font}`;
  pen.fillText(text, x, y, room);
}

function hatch(pen, x, y, size, colors) {
  pen.save();
  pen.beginPath();
  pen.rect(x + 1, y + 1, size - 2, size - 2);
  pen.clip();
  pen.globalAlpha *= 0.55;
  pen.strokeStyle = "#d1495b";
  pen.lineWidth = 1.4;
  pen.beginPath();
  for (let offset = -size; offset < size; offset += 6) {
    pen.moveTo(x + offset, y + size);
    pen.lineTo(x + offset + size, y);
  }
  pen.stroke();
  pen.restore();
}
