// The browser half of kernel_pad.py: a square of numbers to type in or to paint on. What is shown
// stays the browser's while it is edited; Python hears of it a moment after the last change.

const SEND_AFTER_MS = 250;
const pads = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let pad = pads.get(parentElement);
  if (!pad) pads.set(parentElement, (pad = createPad(parentElement)));
  pad.update(data, setTriggerValue);
  return () => { if (!parentElement.isConnected) pad.dispose(); };
}

function createPad(root) {
  const section = root.querySelector(".kpad"), grid = root.querySelector(".grid"), bar = root.querySelector(".brushes");
  let data = null, values = [], send = null, brush = null, painting = false, timer = null, shown = "";

  const format = (value) => String(Number(value.toPrecision(3))).replace("-", "−");
  const parse = (text) => {
    const value = Number(text.trim().replace("−", "-").replace(",", "."));
    return text.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= 1e6 ? value : null;
  };

  function color(input, value) {
    const limit = 1.3 * Math.max(...values.map(Math.abs), 1e-9), palette = data.palette;
    const at = Math.max(0, Math.min(1, 0.5 + value / limit / 2)) * (palette.length - 1);
    const low = Math.min(palette.length - 2, Math.floor(at));
    const rgb = palette[low].map((from, i) => Math.round(from + (palette[low + 1][i] - from) * (at - low)));
    const light = (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]) / 255;
    input.style.setProperty("--cell", `rgb(${rgb.join(" ")})`);
    input.style.setProperty("--ink", light > 0.52 ? "#141b24" : "#fff");
  }

  function repaint() { [...grid.children].forEach((input, index) => color(input, values[index])); }

  function changed() {
    repaint();
    clearTimeout(timer);
    timer = setTimeout(() => { shown = JSON.stringify(values); send("kernel", { size: data.size, values }); }, SEND_AFTER_MS);
  }

  function set(index, value) {
    if (values[index] === value) return;
    values[index] = value;
    grid.children[index].value = format(value);
    changed();
  }

  function build() {
    section.style.setProperty("--n", data.size);
    grid.style.setProperty("--n", data.size);
    grid.replaceChildren(...values.map((value, index) => {
      const input = Object.assign(document.createElement("input"), { type: "text", inputMode: "decimal", autocomplete: "off", value: format(value) });
      input.setAttribute("aria-label", `Row ${Math.floor(index / data.size)}, column ${index % data.size}`);
      input.addEventListener("input", () => {
        const typed = parse(input.value);
        input.setAttribute("aria-invalid", String(typed === null));
        if (typed !== null) { values[index] = typed; changed(); }
      });
      input.addEventListener("blur", () => { input.value = format(values[index]); input.setAttribute("aria-invalid", "false"); });
      input.addEventListener("focus", () => { if (brush === null) input.select(); });
      input.addEventListener("keydown", (event) => {
        event.stopPropagation(); // Streamlit's own single-key shortcuts
        const step = { ArrowUp: -data.size, ArrowDown: data.size, ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const sideways = event.key === "ArrowLeft" ? input.selectionStart === 0 : input.selectionEnd === input.value.length;
        if (!step || (Math.abs(step) === 1 && data.size > 1 && !sideways)) return;
        grid.children[index + step]?.focus();
        event.preventDefault();
      });
      return input;
    }));
    repaint();
  }

  const cellAt = (event) => {
    const found = root instanceof ShadowRoot ? root.elementFromPoint(event.clientX, event.clientY) : grid.getRootNode().elementFromPoint(event.clientX, event.clientY);
    return [...grid.children].indexOf(found);
  };
  grid.addEventListener("pointerdown", (event) => {
    if (brush === null || event.button !== 0) return;
    event.preventDefault();
    painting = true;
    const index = cellAt(event);
    if (index >= 0) set(index, brush);
  });
  grid.addEventListener("pointermove", (event) => {
    if (!painting || !event.buttons) { painting = false; return; }
    const index = cellAt(event);
    if (index >= 0) set(index, brush);
  });
  for (const kind of ["pointerup", "pointercancel", "pointerleave"]) grid.addEventListener(kind, () => { painting = false; });

  function buildBrushes(numbers) {
    const brushes = [null, ...numbers]; // null: the pen, which types
    bar.replaceChildren(...brushes.map((value) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: value === null ? "Type" : format(value) });
      button.setAttribute("role", "radio");
      button.setAttribute("aria-label", value === null ? "Type numbers" : `Paint ${format(value)}`);
      button.setAttribute("aria-checked", String(value === brush));
      button.addEventListener("click", () => {
        brush = value;
        section.classList.toggle("painting", brush !== null);
        for (const [i, other] of [...bar.children].entries()) other.setAttribute("aria-checked", String(brushes[i] === brush));
      });
      return button;
    }));
  }

  function update(next, setTriggerValue) {
    send = setTriggerValue;
    const text = JSON.stringify(next.values);
    const same = data && data.size === next.size && text === shown;
    const first = data === null;
    const brushes = JSON.stringify(data?.brushes) !== JSON.stringify(next.brushes);
    data = next;
    if (brushes) {
      brush = null;
      section.classList.remove("painting");
      buildBrushes(next.brushes);
    }
    section.setAttribute("aria-label", next.label);
    if (same && !first) return; // an answer to what was sent: what is typed meanwhile stays
    clearTimeout(timer);
    shown = text;
    values = [...next.values];
    build();
  }

  return { update, dispose: () => clearTimeout(timer) };
}
