// The browser half of clickable.py. Streamlit calls the default export again on every rerun with the
// same parentElement: the picture found there is updated, never rebuilt, so nothing flickers and a
// cell being pointed at stays so while the maps under it change.

const TIP_GAP = 14; // pixels between the pointer and what is said about the cell
const TOUCH_TIP_MS = 2500;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const pictures = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let picture = pictures.get(parentElement);
  if (!picture) pictures.set(parentElement, (picture = createPicture(parentElement)));
  picture.update(data, setTriggerValue);
  return () => { if (!parentElement.isConnected) picture.dispose(); };
}

// ---- where the cells are: [left, top, right, bottom] in pixels of the picture ------------------
function gridCells({ rows, columns, gap, tile: [height, width], count }) {
  const box = (index) => {
    const left = (index % columns) * (width + gap), top = Math.floor(index / columns) * (height + gap);
    return [left, top, left + width, top + height];
  };
  return {
    count, columns, box, slack: gap / 2,
    at(x, y) { // a gap belongs to the nearer tile: one never points at nothing between two maps
      const column = Math.floor((x + gap / 2) / (width + gap));
      const row = Math.floor((y + gap / 2) / (height + gap));
      if (column < 0 || column >= columns || row < 0 || row >= rows) return null;
      const index = row * columns + column;
      return index < count ? index : null;
    },
    step(index, [right, down]) {
      const column = (index % columns) + right;
      const next = index + right + down * columns;
      return column < 0 || column >= columns || next < 0 || next >= count ? index : next;
    },
    name: (index) => `row ${Math.floor(index / columns) + 1}, column ${(index % columns) + 1}`,
  };
}

function boxCells({ boxes, count }) {
  const area = ([left, top, right, bottom]) => (right - left) * (bottom - top);
  const middle = ([left, top, right, bottom]) => [(left + right) / 2, (top + bottom) / 2];
  return {
    count, columns: null, slack: 0, box: (index) => boxes[index],
    at(x, y) {
      let best = null;
      boxes.forEach((box, index) => {
        const inside = x >= box[0] && x < box[2] && y >= box[1] && y < box[3];
        if (inside && (best === null || area(box) < area(boxes[best]))) best = index;
      });
      return best;
    },
    step(index, [right, down]) { // the nearest box that way; what lies aside counts double
      const [x, y] = middle(boxes[index]);
      let best = index, least = Infinity;
      boxes.forEach((box, other) => {
        const [dx, dy] = [middle(box)[0] - x, middle(box)[1] - y];
        const along = dx * right + dy * down, aside = Math.abs(dx * down) + Math.abs(dy * right);
        if (other !== index && along > 0 && along + 2 * aside < least) [best, least] = [other, along + 2 * aside];
      });
      return best;
    },
    name: (index) => `number ${index + 1}`,
  };
}

function createPicture(root) {
  const $ = (selector) => root.querySelector(selector);
  const frame = $(".frame"), image = $(".picture"), marks = $(".marks"), tip = $(".tip"), cell = $("#cell");
  let data = null, cells = null, shape = "", pick = () => {};
  let pointed = null; // the cell under the pointer or reached with the keys
  let pointer = null; // client position, null when the keys lead
  let timer = null;

  // ---- what is seen ------------------------------------------------------------------------------
  const words = (index) => data.texts?.[index] ?? cells.name(index);

  function outline(group, index) {
    const box = index === null || index >= cells.count ? null : cells.box(index);
    group.toggleAttribute("hidden", box === null);
    if (box === null) return;
    const slack = Math.min(cells.slack, 1);
    for (const rect of group.children) {
      rect.setAttribute("x", box[0] - slack);
      rect.setAttribute("y", box[1] - slack);
      rect.setAttribute("width", box[2] - box[0] + 2 * slack);
      rect.setAttribute("height", box[3] - box[1] + 2 * slack);
    }
  }

  function speak(index) { // one cell stands for all: thousands of them would weigh on every page
    cell.setAttribute("aria-label", words(index));
    cell.setAttribute("aria-selected", String(index === data.selected));
    if (cells.columns === null) return;
    cell.parentElement.setAttribute("aria-rowindex", Math.floor(index / cells.columns) + 1);
    cell.setAttribute("aria-colindex", (index % cells.columns) + 1);
  }

  function show(index) {
    pointed = index;
    outline($(".pointed"), index);
    if (index === null) { hideTip(); return; }
    speak(index);
    tip.textContent = words(index);
    if (!tip.matches(":popover-open")) tip.showPopover();
    placeTip();
  }

  function placeTip() {
    const [x, y] = pointer ?? corner(pointed);
    const { width, height } = tip.getBoundingClientRect();
    const left = x + TIP_GAP + width < innerWidth ? x + TIP_GAP : Math.max(4, x - TIP_GAP - width);
    const top = y + TIP_GAP + height < innerHeight ? y + TIP_GAP : Math.max(4, y - TIP_GAP - height);
    tip.style.left = `${Math.min(left, Math.max(4, innerWidth - width - 4))}px`;
    tip.style.top = `${top}px`;
  }

  function corner(index) {
    const bounds = image.getBoundingClientRect(), box = cells.box(index);
    const scale = bounds.width / data.size[0];
    return [bounds.left + box[2] * scale - TIP_GAP, bounds.top + box[3] * scale - TIP_GAP / 2];
  }

  function hideTip() {
    clearTimeout(timer);
    if (tip.matches(":popover-open")) tip.hidePopover();
  }

  function fitPixels() {
    frame.classList.toggle("shrunk", image.clientWidth * devicePixelRatio < data.size[0]);
  }
  const watcher = new ResizeObserver(() => { if (data) fitPixels(); });
  watcher.observe(frame);

  // ---- pointer -----------------------------------------------------------------------------------
  function under(event) {
    const bounds = image.getBoundingClientRect();
    const x = ((event.clientX - bounds.left) / bounds.width) * data.size[0];
    const y = ((event.clientY - bounds.top) / bounds.height) * data.size[1];
    return cells.at(x, y);
  }

  frame.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    pointer = [event.clientX, event.clientY];
    const index = under(event);
    frame.style.cursor = index === null ? "default" : "";
    if (index !== pointed) show(index);
    else if (index !== null) placeTip();
  });
  frame.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") show(null);
  });
  frame.addEventListener("click", (event) => {
    const index = under(event);
    if (event.pointerType === "touch") { // there is no hover: the tap says it and chooses
      pointer = [event.clientX, event.clientY];
      show(index);
      clearTimeout(timer);
      timer = setTimeout(() => show(null), TOUCH_TIP_MS);
    }
    choose(index);
  });

  // ---- keyboard ----------------------------------------------------------------------------------
  const here = () => Math.min(pointed ?? data.selected ?? 0, cells.count - 1);

  frame.addEventListener("keydown", (event) => {
    if (!cells.count || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    pointer = null;
    if (arrow) show(pointed === null ? here() : cells.step(here(), arrow));
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(cells.count - 1);
    else if (event.key === "Enter" || event.key === " ") choose(here());
    else if (event.key === "Escape") hideTip();
    else return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit's own single-key shortcuts
  });
  frame.addEventListener("focus", () => {
    if (cells.count && frame.matches(":focus-visible")) { pointer = null; show(here()); }
  });
  frame.addEventListener("blur", () => show(null));

  function choose(index) {
    if (index === null) return;
    outline($(".selected"), index); // at once; the page confirms it with its answer
    cell.setAttribute("aria-selected", "true");
    pick("picked", index);
  }

  // ---- from Python -------------------------------------------------------------------------------
  function update(next, setTriggerValue) {
    pick = setTriggerValue;
    const before = data;
    data = next;
    const nextShape = JSON.stringify(data.cells);
    if (nextShape !== shape) {
      shape = nextShape;
      cells = data.cells.kind === "grid" ? gridCells(data.cells) : boxCells(data.cells);
      frame.setAttribute("aria-rowcount", data.cells.rows ?? 1);
      frame.setAttribute("aria-colcount", data.cells.columns ?? cells.count);
      if (pointed !== null && pointed >= cells.count) show(null);
    }
    if (before?.png !== data.png) image.src = `data:image/png;base64,${data.png}`;
    image.width = data.size[0]; // the place is kept while the picture is decoded
    image.height = data.size[1];
    frame.setAttribute("aria-label", data.alt);
    frame.style.width = data.width;
    marks.setAttribute("viewBox", `0 0 ${data.size[0]} ${data.size[1]}`);
    outline($(".selected"), data.selected);
    outline($(".pointed"), pointed);
    if (cells.count) speak(here());
    if (pointed !== null) tip.textContent = words(pointed);
    fitPixels();
  }

  return { update, dispose() { watcher.disconnect(); hideTip(); } };
}
