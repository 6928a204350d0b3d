// The browser half of layer_editor.py. Streamlit calls the default export again on every rerun with
// the same parentElement. The editor found there keeps its rows: an answer of Python only fills in
// numbers and notes, so focus, cursor and half-typed text survive it. Rows are replaced as a whole
// only when `epoch` changes, that is when the page itself sets another list.

const editors = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  let editor = editors.get(parentElement);
  if (!editor) editors.set(parentElement, (editor = createEditor(parentElement)));
  editor.update(data, setStateValue);
  return () => { if (!parentElement.isConnected) editor.dispose(); };
}

const count = new Intl.NumberFormat("en-US");
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });
const number = (value) => (value < 1e8 ? count : compact).format(value);
const clone = (value) => JSON.parse(JSON.stringify(value));

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function createEditor(root) {
  const $ = (selector) => root.querySelector(selector);
  const list = $(".layers"), box = $(".editor"), template = $("template");
  let form = null, kinds = null, rows = []; // {id, layer, node, fields: Map name -> control}
  let epoch = null, seq = 0, ids = 0, answer = null;
  let timer = null, send = null, history = [], lastTouched = null;

  // ---- rows ----------------------------------------------------------------------------------
  function makeRow(layer) {
    const node = template.content.firstElementChild.cloneNode(true);
    const row = { id: ++ids, layer, node, fields: new Map(), invalid: new Map(), error: "", remark: "" };
    const kind = node.querySelector("select.c-kind");
    kind.addEventListener("change", () => changeKind(row, kind.value));
    node.querySelector(".note").id = `note-${row.id}`;
    node.querySelector(".c-actions").addEventListener("click", (event) => {
      const action = event.target.closest("button")?.dataset.do;
      if (action) actions[action](row, action);
    });
    node.addEventListener("keydown", (event) => {
      if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
      event.preventDefault();
      actions[event.key === "ArrowUp" ? "up" : "down"](row);
    });
    dragBy(node.querySelector(".grip"), row);
    return row;
  }

  /** Make the rows on the page those of `wanted` ([{id?, layer}]), keeping the nodes of known ids. */
  function setRows(wanted) {
    const known = new Map(rows.map((row) => [row.id, row]));
    rows = wanted.map(({ id, layer }) => {
      const row = known.get(id) ?? makeRow(layer);
      row.layer = layer;
      return row;
    });
    arrange();
    rows.forEach(fill);
  }

  /** Put the nodes into the order of `rows`, moving as few as possible, and number them. */
  function arrange() {
    const focused = root.activeElement;
    const wanted = new Set(rows.map((row) => row.node));
    for (const node of [...list.children]) if (!wanted.has(node)) node.remove();
    rows.forEach((row, index) => {
      if (list.children[index] !== row.node) list.insertBefore(row.node, list.children[index] ?? null);
      const place = `layer ${index + 1}`;
      const grip = row.node.querySelector(".grip");
      grip.textContent = index + 1;
      grip.setAttribute("aria-label", `Move ${place}`);
      row.node.querySelector("select.c-kind").setAttribute("aria-label", `Kind of ${place}`);
      for (const button of row.node.querySelectorAll(".c-actions button")) {
        button.setAttribute("aria-label", `${button.title}: ${place}`);
      }
      row.node.querySelector("[data-do=up]").disabled = index === 0;
      row.node.querySelector("[data-do=down]").disabled = index === rows.length - 1;
      row.node.querySelector("[data-do=delete]").disabled = rows.length === 1;
      for (const action of ["add", "copy"]) {
        row.node.querySelector(`[data-do=${action}]`).disabled = rows.length >= form.most;
      }
    });
    // a node that was moved in the page has lost the focus
    if (focused && focused !== root.activeElement && root.contains(focused)) focused.focus();
  }

  /** Show the layer of a row in its controls; they are made anew only for another kind. */
  function fill(row) {
    const schema = kinds.get(row.layer.kind);
    const select = row.node.querySelector("select.c-kind");
    if (row.shown !== row.layer.kind) {
      row.shown = row.layer.kind;
      const offered = form.kinds.filter((one) => one.offered || one === schema);
      select.replaceChildren(...offered.map((one) => element("option", { value: one.kind, textContent: one.title })));
      select.title = schema?.hint ?? "";
      row.fields.clear();
      row.invalid.clear();
      const labels = (schema?.fields ?? []).map((field) => {
        const label = element("label", { className: "field", title: field.hint }, element("span", { textContent: field.name }));
        row.fields.set(field.name, FIELDS[field.control](row, field, label, host));
        return label;
      });
      row.node.querySelector("div.c-fields").replaceChildren(...labels);
    }
    select.value = row.layer.kind;
    for (const control of row.fields.values()) control.show();
    showNote(row);
  }

  // what the controls of layer_editor_fields.js need of the editor
  const host = { edit, flush, say, showNote, classes: () => answer.classes };

  // ---- edits ---------------------------------------------------------------------------------
  /** One setting of one layer gets another value; sent after `delay` ms without another edit. */
  function edit(row, name, value, delay = 0) {
    if (row.layer[name] === value) return;
    remember(`${row.id}.${name}`);
    row.layer = { ...row.layer, [name]: value };
    changed(delay);
  }

  /** A new layer of `kind`: what the layer it replaces has too, else the defaults. */
  function newLayer(kind, from = {}) {
    const layer = { kind };
    for (const field of kinds.get(kind).fields) {
      layer[field.name] = clone(fits(field, from[field.name]) ? from[field.name] : field.default);
    }
    return layer;
  }

  function changeKind(row, kind) {
    remember();
    row.layer = newLayer(kind, row.layer);
    fill(row);
    changed();
  }

  function insert(row, layer, focus) {
    remember();
    const made = makeRow(layer);
    rows.splice(rows.indexOf(row) + 1, 0, made);
    arrange();
    fill(made);
    made.node.querySelector(focus).focus();
    say(`Layer ${rows.indexOf(made) + 1} added`);
    changed();
  }

  function move(row, target) {
    const index = rows.indexOf(row);
    if (target < 0 || target >= rows.length || target === index) return;
    remember();
    rows.splice(index, 1);
    rows.splice(target, 0, row);
    arrange();
    say(`Layer ${index + 1} is now layer ${target + 1}`);
    changed();
  }

  function step(row, by, action) {
    move(row, rows.indexOf(row) + by);
    // at the end of its way a button is switched off and would drop the focus
    const button = action && row.node.querySelector(`[data-do=${action}]`);
    if (button?.disabled) row.node.querySelector(`[data-do=${by < 0 ? "down" : "up"}]`).focus();
  }

  const actions = {
    up: (row, action) => step(row, -1, action),
    down: (row, action) => step(row, 1, action),
    add: (row) => insert(row, newLayer(form.inserted), "select.c-kind"),
    copy: (row) => insert(row, clone(row.layer), "[data-do=copy]"),
    delete: (row) => {
      remember();
      const index = rows.indexOf(row);
      rows.splice(index, 1);
      arrange();
      rows[Math.min(index, rows.length - 1)].node.querySelector("[data-do=delete]").focus();
      say(`Layer ${index + 1} deleted`);
      changed();
    },
  };

  /** Keep the rows as they are for Undo; typing on in one field is one step. */
  function remember(touched = null) {
    if (touched && touched === lastTouched) return;
    lastTouched = touched;
    history.push(rows.map(({ id, layer }) => ({ id, layer })));
    if (history.length > 100) history.shift();
    $(".undo").disabled = false;
  }

  $(".undo").addEventListener("click", () => {
    const before = history.pop();
    lastTouched = null;
    $(".undo").disabled = history.length === 0;
    setRows(before);
    say("Undone");
    changed();
  });

  // ---- dragging ------------------------------------------------------------------------------
  function dragBy(grip, row) {
    let target = null;
    const unmark = () => { for (const one of rows) one.node.classList.remove("drop-before", "drop-after"); };
    grip.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      grip.setPointerCapture(event.pointerId);
      row.node.classList.add("dragged");
      target = rows.indexOf(row);
    });
    grip.addEventListener("pointermove", (event) => {
      if (target === null) return;
      const index = rows.indexOf(row);
      const boxes = rows.map((one) => one.node.getBoundingClientRect());
      target = boxes.filter((one, i) => i !== index && event.clientY > (one.top + one.bottom) / 2).length;
      unmark();
      if (target !== index) rows[target].node.classList.add(target < index ? "drop-before" : "drop-after");
    });
    const drop = (event) => {
      if (target === null) return;
      const to = target;
      target = null;
      row.node.classList.remove("dragged");
      unmark();
      if (event.type === "pointerup") move(row, to);
    };
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) grip.addEventListener(kind, drop);
  }

  // ---- to and from Python --------------------------------------------------------------------
  function changed(delay = 0) {
    clearTimeout(timer);
    timer = setTimeout(post, delay);
    box.classList.add("waiting");
  }

  function post() {
    timer = null;
    seq += 1;
    send("edit", { epoch, seq, layers: rows.map((row) => row.layer) });
  }

  function flush() {
    if (timer === null) return;
    clearTimeout(timer);
    post();
  }

  function say(text) { $(".status").textContent = text; }

  function update(data, setStateValue) {
    send = setStateValue;
    if (data.epoch !== epoch) {
      form = data.form;
      kinds = new Map(form.kinds.map((one) => [one.kind, one]));
      clearTimeout(timer);
      timer = null;
      ({ epoch, seq } = data);
      history = [];
      lastTouched = null;
      $(".undo").disabled = true;
      rows = [];
      ({ answer } = data);
      setRows(data.layers.map((layer) => ({ layer })));
    }
    if (data.seq < seq || timer !== null) return; // an answer to what is no longer on the page
    answer = data.answer;
    showAnswer();
  }

  function showAnswer() {
    box.classList.remove("waiting");
    const { error, params, macs, classes } = answer;
    $(".input .c-shape").textContent = shape(answer.input);
    rows.forEach((row, index) => {
      const facts = answer.rows[index];
      row.node.querySelector(".name").textContent = facts?.name ?? "";
      row.node.querySelector(".c-number").title = facts?.title ?? "";
      row.node.querySelector(".c-shape").textContent = facts ? shape(facts.shape) : "—";
      showCount(row.node.querySelector("span.c-params"), facts?.params, params, facts?.formula);
      showCount(row.node.querySelector("span.c-macs"), facts?.macs, macs);
      row.node.classList.toggle("beyond", error !== null && index > error.index);
      row.error = error?.index === index ? error.message : "";
      row.remark = facts?.note ?? "";
      for (const control of row.fields.values()) control.recount?.();
      showNote(row);
    });
    const whole = error === null;
    $(".sum-params").textContent = whole ? number(params) : "—";
    $(".sum-macs").textContent = whole ? number(macs) : "—";
    const verdict = whole ? "✓" : `layer ${error.index + 1} does not fit`;
    const mark = element("span", { className: whole ? "good" : "bad", textContent: verdict });
    $(".sum-output").replaceChildren(...(whole ? [`${classes} = classes`, mark] : [mark]));
  }

  const shape = (sizes) => sizes.map((size) => count.format(size)).join(" × ");

  function showCount(cell, value, total, formula = "") {
    cell.querySelector("b").textContent = value === undefined ? "—" : number(value);
    cell.classList.toggle("zero", !value);
    cell.style.setProperty("--share", total && value ? `${Math.max(2, (value / total) * 100)}%` : "0%");
    const share = total && value ? `${((value / total) * 100).toFixed(1)} % of all` : "";
    cell.title = [formula, value >= 1e8 ? count.format(value) : "", share].filter(Boolean).join("\n");
  }

  /** The line under a row: what the page itself sees comes before what Python said. */
  function showNote(row) {
    const wrong = [...row.invalid.values()][0] || row.error;
    const text = wrong || row.remark || "";
    const note = row.node.querySelector(".note");
    row.node.classList.toggle("wrong", Boolean(wrong));
    if (note.dataset.text === text) return;
    note.dataset.text = text;
    note.hidden = !text;
    // the names of fields stand in backticks
    const parts = text.split("`").map((part, i) => (i % 2 ? element("code", { textContent: part }) : part));
    note.lastElementChild.replaceChildren(...parts);
    if (wrong) say(text.replaceAll("`", ""));
    for (const control of row.node.querySelectorAll("select, input")) {
      if (text) control.setAttribute("aria-describedby", note.id);
      else control.removeAttribute("aria-describedby");
    }
  }

  return { update, dispose: () => clearTimeout(timer) };
}
