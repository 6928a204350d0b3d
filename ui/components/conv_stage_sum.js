// What an output cell is made of, what a cell is linked to, and the words for both.

function flatten([d, h, w], [, H, W]) { return (d * H + h) * W + w; }

function unflatten(index, [, H, W]) { return [Math.floor(index / (H * W)), Math.floor(index / W) % H, index % W]; }

const volume = ([d, h, w]) => d * h * w;

// Per axis: which windows read a cell, and how; done once for each set of numbers.
function prepare(one) {
  const grid = one.axes.map((axis) => axis.source.length);
  const out = one.axes.map((axis) => axis.windows.length);
  const readers = one.axes.map((axis) => {
    const found = axis.source.map(() => []);
    axis.windows.forEach((window, o) => window.forEach((cell, tap) => found[cell].push([o, tap])));
    return found;
  });
  const lost = one.axes.map((axis) => new Set(axis.lost));
  const limit = (values) => values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0) || 1;
  const x = one.x, weight = one.weight;
  return {
    ...one, blank: one.blank ?? -Infinity, grid, out, readers, lost, places: volume(out), per: one.C / one.groups, filters: one.O / one.groups,
    // a little more than the largest number, so that no cell is quite as dark as the scale goes
    limits: { input: 1.3 * limit(x), kernel: weight ? 1.3 * limit(weight) : 1, output: 1.3 * limit(one.output) },
  };
}

// The number in a grid cell: {value, kind} with kind "cell", "copy" (padding that repeats), "pad" or "gap".
function gridCell(one, channel, place) {
  const source = place.map((cell, axis) => one.axes[axis].source[cell]);
  if (source.some((at) => at === -2)) return { value: one.blank, kind: "gap", source: null };
  if (source.some((at) => at < 0)) return { value: one.blank, kind: "pad", source: null };
  const inner = place.every((cell, axis) => cell >= one.axes[axis].before && cell - one.axes[axis].before < one.axes[axis].inner);
  return { value: one.x[channel * volume(one.size) + flatten(source, one.size)], kind: inner ? "cell" : "copy", source };
}

const isLost = (one, place) => place.some((cell, axis) => one.lost[axis].has(cell));
const isUnread = (one, place) => place.some((cell, axis) => one.readers[axis][cell].length === 0);

function splitCell(one, cell) {
  return { channel: Math.floor(cell / one.places), position: unflatten(cell % one.places, one.out) };
}

function countTerms(one, cell) {
  const { position } = splitCell(one, cell);
  return one.axes.reduce((count, axis, i) => count * axis.windows[position[i]].length, one.weight ? one.per : 1);
}

// The terms of one output cell in the order in which Python adds them up.
function findTerms(one, channel, position) {
  const windows = one.axes.map((axis, i) => axis.windows[position[i]]);
  const group = Math.floor(channel / one.filters), found = [];
  for (let inner = 0; inner < one.per; inner++) {
    const outer = group * one.per + inner;
    for (let d = 0; d < windows[0].length; d++) for (let h = 0; h < windows[1].length; h++) for (let w = 0; w < windows[2].length; w++) {
      const place = [windows[0][d], windows[1][h], windows[2][w]];
      const tap = [one.axes[0].taps[d], one.axes[1].taps[h], one.axes[2].taps[w]];
      const cell = gridCell(one, outer, place);
      const weight = one.weight ? one.weight[(channel * one.per + inner) * volume(one.kernel) + flatten(tap, one.kernel)] : 1;
      found.push({ outer, inner, place, tap, x: cell.value, kind: cell.kind, weight });
    }
  }
  return found;
}

function reduceTerms(one, terms, bias) {
  const values = terms.map((term) => term.x);
  if (one.reduce === "sum") return terms.reduce((sum, term) => sum + (term.x === 0 ? 0 : term.x * term.weight), 0) + bias;
  if (one.reduce === "max") return values.reduce((most, value) => Math.max(most, value ?? -Infinity), -Infinity);
  if (one.reduce === "mean") return values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
  const total = values.reduce((sum, value) => sum + value ** one.norm, 0);
  return one.norm === 1 ? total : total < 0 ? NaN : total ** (1 / one.norm);
}

// ---- what is marked ----------------------------------------------------------------------------

const key = (channel, index) => channel * 1e6 + index;

// Marks of every panel for where one stands (`at`) and what is pointed at (`focus`).
function findMarks(one, at, focus) {
  const marks = { input: new Map(), kernel: new Map(), output: new Map(), text: "", focus };
  let { channel, position } = splitCell(one, at.cell), count = at.term;
  if (focus?.panel === "output") {
    ({ channel } = focus);
    position = focus.place;
    count = Infinity;
  }
  marks.channel = channel;
  const terms = findTerms(one, channel, position), total = terms.length;
  const shown = Math.min(count, total);
  marks.total = countTerms(one, at.cell);
  marks.sum = { channel, position, terms, shown };
  if (focus?.panel === "input") markInput(one, channel, focus, marks);
  else if (focus?.panel === "kernel") markWeight(one, channel, focus, marks);
  else {
    terms.forEach((term, i) => {
      const role = i === shown - 1 && shown < total ? "now" : i < shown ? "window" : "rest";
      marks.input.set(key(term.outer, flatten(term.place, one.grid)), { role, weight: one.weight ? term.weight : null });
      if (one.weight) marks.kernel.set(key(term.inner, flatten(term.tap, one.kernel)), { role });
    });
    marks.output.set(key(channel, flatten(position, one.out)), { role: "now" });
    marks.text = focus ? outputWords(one, channel, position, total) : "Point at a cell to see what it is linked to; click to pin it and to change its number.";
  }
  return marks;
}

function markInput(one, channel, { channel: from, place }, marks) {
  const cell = gridCell(one, from, place);
  const same = []; // every grid cell with this input: a border that repeats has several
  one.axes[0].source.forEach((d, i) => one.axes[1].source.forEach((h, j) => one.axes[2].source.forEach((w, k) => {
    const here = [i, j, k];
    if (cell.source ? [d, h, w].every((value, axis) => value === cell.source[axis]) : here.every((value, axis) => value === place[axis])) same.push(here);
  })));
  const group = Math.floor(from / one.per), outputs = new Set(), weights = new Map();
  for (const here of same) {
    marks.input.set(key(from, flatten(here, one.grid)), { role: "now" });
    for (const [d, a] of one.readers[0][here[0]]) for (const [h, b] of one.readers[1][here[1]]) for (const [w, c] of one.readers[2][here[2]]) {
      const tap = [one.axes[0].taps[a], one.axes[1].taps[b], one.axes[2].taps[c]];
      outputs.add(flatten([d, h, w], one.out));
      const index = flatten([d, h, w], one.out); // twice where a border repeats the cell
      if (one.weight) weights.set(index, [...(weights.get(index) ?? []), flatten(tap, one.kernel)]);
    }
  }
  for (let filter = 0; filter < one.filters; filter++) {
    const outer = group * one.filters + filter;
    for (const index of outputs) {
      const first = (outer * one.per + (from % one.per)) * volume(one.kernel);
      const weight = weights.get(index)?.reduce((sum, tap) => sum + one.weight[first + tap], 0) ?? null;
      marks.output.set(key(outer, index), { role: "link", weight });
    }
  }
  const own = Math.floor(channel / one.filters) === group;
  if (one.weight && own) for (const tap of [...weights.values()].flat()) marks.kernel.set(key(from % one.per, tap), { role: "link" });
  const what = cell.kind === "gap" ? "A gap that the stride puts between two inputs" : cell.kind === "pad" ? "A padded cell"
    : `Input ${name(one, one.C, from, cell.source)} = ${formatNumber(cell.value)}${cell.kind === "copy" ? ", repeated by the padding" : ""}`;
  const number = outputs.size;
  const why = number ? "" : isLost(one, place) ? ": the floor in the size formula cuts it off" : ": the stride steps over it";
  marks.text = number ? `${what} goes into ${number} output cell${number > 1 ? "s" : ""} of ${one.filters > 1 ? "each filter" : "its filter"}.` : `${what} is never read${why}.`;
  if (!one.weight && number) marks.text = `${what} is looked at by ${number} window${number > 1 ? "s" : ""}.`;
}

function markWeight(one, channel, { channel: inner, place }, marks) {
  const outer = Math.floor(channel / one.filters) * one.per + inner;
  const ordinals = one.axes.map((axis, i) => axis.taps.indexOf(place[i]));
  let inputs = 0;
  for (let index = 0; index < one.places; index++) {
    const position = unflatten(index, one.out);
    const here = one.axes.map((axis, i) => axis.windows[position[i]][ordinals[i]]);
    marks.input.set(key(outer, flatten(here, one.grid)), { role: "link" });
    marks.output.set(key(channel, index), { role: "link", weight: gridCell(one, outer, here).value });
    inputs += 1;
  }
  marks.kernel.set(key(inner, flatten(place, one.kernel)), { role: "now" });
  const weight = one.weight[(channel * one.per + inner) * volume(one.kernel) + flatten(place, one.kernel)];
  marks.text = `Weight ${name(one, one.per, inner, place)} = ${formatNumber(weight)} is used ${inputs} times, once for each output cell of filter ${channel}; the small numbers are what it multiplies.`;
}

// ---- words -------------------------------------------------------------------------------------

const name = (one, channels, channel, place) => `[${[...(channels > 1 ? [channel] : []), ...place.slice(3 - one.dims)].join(", ")}]`;

function outputWords(one, channel, position, total) {
  return `Output ${name(one, one.O, channel, position)} reads ${total} number${total > 1 ? "s" : ""}.`;
}

function formatNumber(value, digits = 4) {
  if (value === null || Number.isNaN(value)) return "no number";
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  const text = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}

function writeSum(box, one, { channel, position, terms, shown }) {
  const done = terms.slice(0, shown), complete = shown === terms.length;
  const bias = one.bias.length ? one.bias[channel] : 0;
  const node = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const [open, join, close] = { sum: ["", " + ", ""], max: ["max(", ", ", ")"], mean: ["(", " + ", `) / ${terms.length}`] }[one.reduce]
    ?? (one.norm === 1 ? ["", " + ", ""] : ["(", " + ", `)^(1/${one.norm})`]);
  const signed = (value) => (value < 0 ? `(${formatNumber(value)})` : formatNumber(value));
  const power = one.reduce === "lp" && one.norm !== 1 ? `^${one.norm}` : "";
  const words = (term) => (one.weight ? `${formatNumber(term.x)}·${signed(term.weight)}` : one.reduce === "max" ? formatNumber(term.x) : `${signed(term.x)}${power}`);
  const head = node("span", "name", `output${name(one, one.O, channel, position)} =`);
  const rows = [head];
  for (let inner = 0; inner < one.per; inner++) {
    const first = inner * (terms.length / one.per), mine = terms.slice(first, first + terms.length / one.per);
    const row = node("span", one.per > 1 ? "row" : "");
    if (one.per > 1) {
      const sum = reduceTerms(one, mine.filter((_, i) => first + i < shown), 0);
      row.append(node("span", "of", `${inner ? "+ " : ""}channel ${mine[0].outer}: ${formatNumber(sum)} =`));
    }
    row.append(open);
    mine.forEach((term, i) => {
      const index = first + i;
      const state = index === shown - 1 && !complete ? "now" : index >= shown ? "todo" : term.kind === "pad" || term.kind === "gap" ? "void" : "";
      if (i) row.append(join);
      row.append(node("span", `t ${state}`, words(term)));
    });
    row.append(close);
    rows.push(row);
  }
  if (one.bias.length) rows.push(node("span", "t", ` ${bias < 0 ? "−" : "+"} ${formatNumber(Math.abs(bias))} (bias)`));
  const value = reduceTerms(one, done, complete ? bias : 0);
  const running = node("span", "running");
  running.append(complete ? "= " : `${one.weight ? "Running sum" : "So far"} after ${shown} of ${terms.length}: `);
  running.append(node("b", "value", shown || complete ? formatNumber(value) : "nothing yet"));
  if (complete) {
    const held = one.output[channel * one.places + flatten(position, one.out)];
    const equal = held === null ? Number.isNaN(value) : Math.abs(value - held) <= 1e-9 * Math.max(1, Math.abs(held));
    running.append(node("span", equal ? "tick" : "cross", equal ? "✓ equal to the output" : `✗ the output says ${formatNumber(held)}`));
  }
  rows.push(running);
  box.replaceChildren(...rows);
}

function inputCaption(one) {
  const size = one.size.slice(3 - one.dims).join(" × "), grid = one.grid.slice(3 - one.dims).join(" × ");
  const words = one.stretched ? `stretched and padded to ${grid}` : grid === size ? "" : `padded to ${grid}`;
  let unread = 0;
  for (let index = 0; index < volume(one.grid); index++) {
    const place = unflatten(index, one.grid);
    if (isUnread(one, place) && gridCell(one, 0, place).kind === "cell") unread += 1;
  }
  const never = unread ? ` · ${unread} hatched: never read` : "";
  return `<b>Input</b> ${one.C > 1 ? `${one.C} × ` : ""}${size}${words ? `, ${words}` : ""}${never}`;
}

function kernelCaption(one, channel) {
  const size = one.kernel.slice(3 - one.dims).join(" × ");
  const bias = one.bias.length ? ` · bias ${formatNumber(one.bias[channel])}` : "";
  const turned = one.turned ? " · applied turned round" : "";
  return `<b>${one.O > 1 ? `Filter ${channel}` : "Kernel"}</b> ${one.per > 1 ? `${one.per} × ` : ""}${size}${bias}${turned}`;
}

function outputCaption(one) {
  return `<b>Output</b> ${one.O > 1 ? `${one.O} × ` : ""}${one.out.slice(3 - one.dims).join(" × ")}`;
}

// What the number field would change: {what, place, value, name}, or null.
function editable(one, at, { panel, channel, place }) {
  if (panel === "input" && one.editable) {
    const { source, value } = gridCell(one, channel, place);
    return source && { what: "x", place: [channel, ...source.slice(3 - one.dims)], value, name: `Input ${name(one, one.C, channel, source)}` };
  }
  if (panel !== "kernel") return null;
  const filter = splitCell(one, at.cell).channel;
  const value = one.weight[(filter * one.per + channel) * volume(one.kernel) + flatten(place, one.kernel)];
  return { what: "weight", place: [filter, channel, ...place.slice(3 - one.dims)], value, name: `Weight ${name(one, one.per, channel, place)} of filter ${filter}` };
}
