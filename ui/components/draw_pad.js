// The browser half of draw_pad.py. Everything drawn is a list of operations in unit coordinates
// (0..1 a side), so undo and another `size` are a redraw. Streamlit calls the default export again
// on every rerun with the same parentElement: the pad found there is updated, never rebuilt.

const SEND_AFTER_MS = 150;
const BACKING = 448; // canvas pixels a side, about: enough for a sharp stroke and a good average
// [width as a share of the brush, grey]: drawn from wide to narrow with "lighten" (the maximum),
// this is a soft edge that does not pile up where strokes cross.
const PROFILE = [[1.5, 40], [1.32, 100], [1.16, 170], [1.0, 235], [0.8, 255]];

const pads = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  let pad = pads.get(parentElement);
  if (!pad) pads.set(parentElement, (pad = createPad(parentElement)));
  pad.update(data, setStateValue);
  return () => { if (!parentElement.isConnected) pad.dispose(); };
}

function createPad(root) {
  const $ = (selector) => root.querySelector(selector);
  const ink = $(".ink"), preview = $(".preview"), tip = $(".tip"), brush = $(".brush input");
  const pen = ink.getContext("2d", { willReadFrequently: true });
  let size = 0, cell = 0; // pixels a side of the array; canvas pixels a side of one of them
  let operations = []; // {points: [[x, y], ...], width} | {picture: Uint8Array, size} | {clear: true}
  let stroke = null, timer = null, send = null, sent, cursor = [0.5, 0.5];

  const visible = () => operations.slice(operations.findLastIndex((one) => one.clear) + 1);

  // ---- drawing -------------------------------------------------------------------------------
  function segment(points, index, width) {
    // Through the midpoints with the points as controls: round, and independent of how fast the
    // events come. The first point alone is a dot.
    const at = (i) => [points[i][0] * ink.width, points[i][1] * ink.width];
    const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    pen.globalCompositeOperation = "lighten";
    pen.lineCap = pen.lineJoin = "round";
    for (const [share, grey] of PROFILE) {
      pen.strokeStyle = `rgb(${grey} ${grey} ${grey})`;
      pen.lineWidth = width * share * ink.width;
      pen.beginPath();
      const here = at(index);
      if (index === 0) {
        pen.moveTo(...here);
        pen.lineTo(here[0] + 0.01, here[1]);
      } else {
        const before = at(index - 1);
        const start = index > 1 ? middle(at(index - 2), before) : before;
        pen.moveTo(...start);
        pen.quadraticCurveTo(...before, ...middle(before, here));
      }
      pen.stroke();
    }
  }

  function finishLine({ points, width }) {
    // curves end at midpoints; the last half is straight
    if (points.length < 2) return;
    const [a, b] = points.slice(-2);
    segment([[(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], b, b], 2, width);
  }

  function redraw() {
    pen.globalCompositeOperation = "source-over";
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, ink.width, ink.width);
    for (const one of visible()) {
      if (one.picture) drawPicture(one);
      else {
        one.points.forEach((_, index) => segment(one.points, index, one.width));
        finishLine(one);
      }
    }
    show();
  }

  function drawPicture({ picture, size: side }) {
    const small = document.createElement("canvas");
    small.width = small.height = side;
    small.getContext("2d").putImageData(greyImage(picture, side), 0, 0);
    pen.globalCompositeOperation = "lighten";
    // every cell keeps one value where the sizes agree, so a picture that comes back is unchanged
    pen.imageSmoothingEnabled = side !== size;
    pen.drawImage(small, 0, 0, ink.width, ink.width);
  }

  function greyImage(values, side) {
    const image = new ImageData(side, side);
    values.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
    return image;
  }

  function average() {
    // area average of each cell×cell block of the canvas: (size, size) bytes
    const pixels = pen.getImageData(0, 0, ink.width, ink.width).data;
    const sums = new Float64Array(size * size);
    for (let y = 0; y < ink.width; y++) {
      const row = Math.floor(y / cell) * size;
      for (let x = 0; x < ink.width; x++) {
        sums[row + Math.floor(x / cell)] += pixels[4 * (y * ink.width + x)];
      }
    }
    return Uint8Array.from(sums, (sum) => Math.round(sum / (cell * cell)));
  }

  function show() {
    const drawn = visible().length > 0;
    const picture = average();
    preview.getContext("2d").putImageData(greyImage(picture, size), 0, 0);
    $(".pad").classList.toggle("drawn", drawn || stroke !== null);
    $(".undo").disabled = operations.length === 0;
    $(".clear").disabled = !drawn;
    return picture;
  }

  // ---- what Python gets ----------------------------------------------------------------------
  function changed(delay = SEND_AFTER_MS) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const picture = average();
      const blank = picture.every((value) => value === 0);
      const drawing = blank ? null : { size, pixels: btoa(String.fromCharCode(...picture)) };
      if (drawing?.pixels === sent) return;
      sent = drawing?.pixels;
      send("drawing", drawing);
    }, delay);
  }

  // ---- strokes -------------------------------------------------------------------------------
  const brushWidth = () => Number(brush.value) / 28; // in pixels of MNIST, whatever the size

  function begin(point) {
    clearTimeout(timer); // a picture half way through the next stroke helps nobody
    stroke = { points: [point], width: brushWidth() };
    segment(stroke.points, 0, stroke.width);
    show();
  }

  function extend(point) {
    const last = stroke.points.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) < 0.002) return;
    stroke.points.push(point);
    segment(stroke.points, stroke.points.length - 1, stroke.width);
  }

  function end() {
    if (!stroke) return;
    finishLine(stroke);
    operations.push(stroke);
    stroke = null;
    show();
    changed();
  }

  function undo() {
    end();
    if (!operations.length) return;
    operations.pop();
    redraw();
    changed();
    say("Undone");
  }

  function clear() {
    end();
    if (!visible().length) return;
    operations.push({ clear: true });
    redraw();
    changed();
    say("Cleared");
  }

  const say = (text) => { $(".status").textContent = text; };

  // ---- pointer and keyboard ------------------------------------------------------------------
  function place(event) {
    const box = ink.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  function showTip(point, { down = false, hidden = false } = {}) {
    tip.hidden = hidden;
    tip.classList.toggle("down", down);
    tip.style.left = `${point[0] * 100}%`;
    tip.style.top = `${point[1] * 100}%`;
    tip.style.width = tip.style.height = `${brushWidth() * 120}%`;
  }

  let preview_due = false;
  function previewSoon() {
    if (preview_due) return;
    preview_due = true;
    requestAnimationFrame(() => { preview_due = false; show(); });
  }

  let drawing = null; // id of the pointer that draws; other fingers and buttons are ignored
  ink.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    end();
    drawing = event.pointerId;
    ink.setPointerCapture(drawing);
    begin(place(event));
  });
  ink.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse") showTip(place(event));
    if (event.pointerId !== drawing) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) extend(place(one));
    previewSoon();
  });
  for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
    ink.addEventListener(kind, (event) => {
      if (event.pointerId !== drawing) return;
      drawing = null;
      end();
    });
  }
  ink.addEventListener("pointerleave", () => { if (drawing === null) tip.hidden = true; });
  ink.addEventListener("contextmenu", (event) => event.preventDefault()); // long press of a finger

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  ink.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = (event.shiftKey ? 3 : 1) / 28;
      cursor = cursor.map((value, axis) => Math.min(1, Math.max(0, value + arrow[axis] * step)));
      if (stroke && drawing === null) { extend(cursor); previewSoon(); }
    } else if (event.key === " ") {
      if (stroke) { end(); say("Brush up"); } else { begin(cursor); say("Brush down"); }
    } else if (event.key === "Delete" || event.key === "Backspace") clear();
    else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) undo();
    else return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit's own single-key shortcuts
    showTip(cursor, { down: stroke !== null });
  });
  ink.addEventListener("blur", () => { if (drawing === null) { end(); tip.hidden = true; } });
  $(".undo").addEventListener("click", undo);
  $(".clear").addEventListener("click", clear);

  // ---- from Python ---------------------------------------------------------------------------
  function update(data, setStateValue) {
    send = setStateValue;
    $("#label").textContent = data.label;
    if (data.size === size) return;
    const first = size === 0;
    size = data.size;
    cell = Math.max(4, Math.round(BACKING / size));
    ink.width = ink.height = size * cell;
    preview.width = preview.height = size;
    $("figcaption").textContent = `Sent: ${size} × ${size}`;
    preview.setAttribute("aria-label", `What is sent, ${size} by ${size} pixels`);
    if (first) {
      brush.value = 2.25; // the strokes of MNIST are about this many of its 28 pixels wide
      if (data.drawing) {
        const picture = Uint8Array.from(atob(data.drawing.pixels), (one) => one.charCodeAt(0));
        operations = [{ picture, size: data.drawing.size }];
        sent = data.drawing.pixels;
      }
    }
    redraw();
    if (!first || (data.drawing && data.drawing.size !== size)) changed(0);
  }

  return { update, dispose: () => clearTimeout(timer) };
}
