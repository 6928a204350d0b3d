// The controls of the layer editor, one for each `FieldSchema.control` of layer_rows.py; read as the
// second half of layer_editor.js. A maker gets (row, field, label, host), puts its control into the
// label and returns {show, recount?}: show() puts the row's value into the control, recount() follows
// the number of classes. Edits go to host.edit(row, name, value, delay).

const TYPING_MS = 250;

const FIELDS = {
  integer: (...all) => numberField(/^[+-]?\d+$/, 1, ...all),
  number: (...all) => numberField(/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i, 0.1, ...all),
  boolean: tickField,
  choice: choiceField,
  fixed: fixedField,
};

/** Whether `value` can stand in `field`, so that it may be kept when the kind of a layer changes. */
function fits(field, value) {
  if (value === undefined) return false;
  if (value === null) return field.optional;
  if (field.control === "boolean") return typeof value === "boolean";
  if (field.control === "integer") return Number.isInteger(value) || field.options.includes(value);
  if (field.control === "number") return typeof value === "number" || field.options.includes(value);
  return field.control === "fixed" || field.options.includes(value);
}

function numberField(pattern, unit, row, field, label, host) {
  const { name } = field;
  const input = element("input", { type: "text", inputMode: unit === 1 ? "numeric" : "decimal", autocomplete: "off" });
  input.setAttribute("aria-label", name);
  const isWord = () => field.options.includes(row.layer[name]);

  /** The value a text stands for; undefined for text that is none and never leaves the page. */
  function read(text) {
    if (text === "" && isWord()) return row.layer[name]; // its number is the placeholder
    if (text === "" && field.optional) return null;
    if (field.options.includes(text)) return text;
    return pattern.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
  }
  const current = () => read(input.value.trim());

  function judge(valid) {
    const given = input.value.trim().slice(0, 20) || "nothing";
    input.setAttribute("aria-invalid", String(!valid));
    if (valid) row.invalid.delete(name);
    else row.invalid.set(name, `\`${name}\` needs ${field.expects}, not ${given}.`);
    host.showNote(row);
  }

  function show() {
    if (isWord()) input.value = "";
    else if (current() !== row.layer[name]) input.value = row.layer[name] ?? "";
    input.placeholder = isWord() ? host.classes() : field.optional ? "auto" : "";
    word?.setAttribute("aria-pressed", String(isWord()));
    judge(true);
  }

  input.addEventListener("input", () => {
    const value = current();
    judge(value !== undefined);
    if (value === undefined) return;
    host.edit(row, name, value, TYPING_MS);
    word?.setAttribute("aria-pressed", String(isWord()));
  });
  for (const kind of ["change", "blur"]) {
    input.addEventListener(kind, () => {
      // when the visitor turns to another control, what is on the page is what Python knows
      if (current() === undefined) host.say(`${name} stays ${row.layer[name]}`);
      show();
      host.flush();
    });
  }
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = "";
      show();
    }
    const step = { ArrowUp: unit, ArrowDown: -unit }[event.key];
    if (!step || event.altKey || typeof row.layer[name] !== "number") return;
    event.preventDefault();
    host.edit(row, name, Math.round((row.layer[name] + step) * 1e6) / 1e6, TYPING_MS);
    show();
  });

  let word = null;
  if (field.options.length) {
    word = element("button", { type: "button", className: "word", textContent: field.options[0] });
    word.title = "As many as the data set has classes";
    let before = null; // the number to come back to
    word.addEventListener("click", () => {
      if (!isWord()) before = row.layer[name];
      host.edit(row, name, isWord() ? before ?? host.classes() : field.options[0]);
      show();
    });
    label.append(element("span", { className: "with-word" }, input, word));
  } else label.append(input);
  const recount = () => { if (isWord()) input.placeholder = host.classes(); };
  return { show, recount };
}

function tickField(row, { name }, label, host) {
  const input = element("input", { type: "checkbox" });
  input.addEventListener("change", () => host.edit(row, name, input.checked));
  label.append(input);
  return { show: () => { input.checked = row.layer[name]; } };
}

function choiceField(row, field, label, host) {
  const values = field.optional ? ["", ...field.options] : field.options;
  const options = values.map((value) => element("option", { value, textContent: value.replaceAll("_", " ") }));
  const select = element("select", {}, ...options);
  select.addEventListener("change", () => host.edit(row, field.name, select.value || null));
  label.append(select);
  return { show: () => { select.value = row.layer[field.name] ?? ""; } };
}

function fixedField(row, { name }, label) {
  const text = element("span", { className: "fixed" });
  label.append(text);
  const show = () => {
    const value = row.layer[name];
    const whole = JSON.stringify(value) ?? "";
    text.textContent = whole.length > 24 && Array.isArray(value) ? `${value.length} entries` : whole;
    text.title = whole;
  };
  return { show };
}
