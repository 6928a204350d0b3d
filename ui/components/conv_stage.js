// The browser half of conv_stage.py: the operation played cell by cell, product by product. Python
// sends every number once; playing, scrubbing, pinning and pointing never ask the server. Streamlit
// calls the default export again on every rerun with the same parentElement: the stage found there
// is updated, never rebuilt. Drawing is in conv_stage_draw.js, sums and words in conv_stage_sum.js.

const stages = new WeakMap();
const PANELS = ["input", "kernel", "output"];

export default function ({ data, parentElement, setTriggerValue }) {
  let stage = stages.get(parentElement);
  if (!stage) stages.set(parentElement, (stage = createStage(parentElement)));
  stage.update(data, setTriggerValue);
  return () => { if (!parentElement.isConnected) stage.dispose(); };
}

function createStage(root) {
  const $ = (selector) => root.querySelector(selector);
  const all = (selector) => [...root.querySelectorAll(selector)];
  const section = $(".cstage");
  const canvases = Object.fromEntries(PANELS.map((name) => [name, $(`[data-panel=${name}] canvas`)]));
  const captions = Object.fromEntries(PANELS.map((name) => [name, $(`[data-panel=${name}] figcaption`)]));
  const boxes = Object.fromEntries(PANELS.map((name) => [name, $(`[data-panel=${name}] .scroll`)]));
  const scrub = { cell: $("input.cell"), term: $("input.term"), rate: $("input.rate") };
  const each = $(".each input"), form = $(".edit"), field = $(".edit input");
  let data = null, send = null, parts = [], layout = null;
  let at = { part: 0, cell: 0, term: 0 }; // how many products of which output cell are in
  let hover = null, pinned = null; // {panel, channel, place: [d, h, w]}
  let playing = null, due = false;
  const cursors = {};
  let followed = ""; // where the panels were last scrolled to
  scrub.rate.value = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 1;

  const part = () => parts[at.part];
  const cells = () => part().O * part().places;
  const focus = () => hover ?? pinned;

  // ---- drawing -------------------------------------------------------------------------------
  function redraw() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; if (data && section.isConnected) draw(); });
  }

  function draw() {
    const one = part();
    layout = arrange(one, $(".panels").clientWidth || section.clientWidth);
    const marks = findMarks(one, at, focus());
    const colors = themeColors(section, data.palette);
    for (const name of PANELS) {
      if (name === "kernel" && !one.weight) continue;
      drawPanel(canvases[name], name, one, layout, marks, colors);
    }
    for (const name of PANELS) boxes[name].style.maxHeight = layout.view ? `${layout.view}px` : "";
    captions.input.innerHTML = inputCaption(one);
    captions.kernel.innerHTML = one.weight ? kernelCaption(one, marks.channel) : "";
    captions.output.innerHTML = outputCaption(one);
    $(".panels").classList.toggle("stacked", layout.stacked);
    $(".panels").classList.toggle("scrolling", Boolean(layout.view) && !layout.stacked);
    $("[data-panel=kernel]").hidden = !one.weight;
    showScroll(one, marks);
    const times = $(".times");
    times.textContent = one.weight ? "∗" : { max: "largest of each window", mean: "mean of each window" }[one.reduce] ?? `L${one.norm} norm of each window`;
    times.classList.toggle("word", !one.weight);
    writeSum($(".sum"), one, marks.sum);
    $(".where").textContent = marks.text;
    scrub.cell.max = cells() - 1;
    scrub.term.max = marks.total;
    scrub.cell.value = at.cell;
    scrub.term.value = Math.min(at.term, marks.total);
    $(".at-cell").textContent = `${at.cell + 1} of ${cells()}`;
    $(".at-term").textContent = `${scrub.term.value} of ${marks.total}`;
    $(".at-speed").textContent = `${formatNumber(rate())}/s`;
    for (const node of all(".term-name")) node.textContent = one.weight ? "product" : "number";
    $(".scrub .term-name").textContent = one.weight ? "Product" : "Number";
    showEdit(one);
  }

  // Panels too large to be seen whole say so and go along with what is marked, unless it is there
  // that the visitor points.
  function showScroll(one, marks) {
    const where = JSON.stringify([at, focus(), layout.cell, section.clientWidth]), moved = where !== followed;
    followed = where;
    for (const name of PANELS) {
      const box = boxes[name];
      if (name === "kernel" && !one.weight) continue;
      if (box.scrollHeight > box.clientHeight + 2 || box.scrollWidth > box.clientWidth + 2) {
        const hint = Object.assign(document.createElement("span"), { className: "hint", textContent: ` · scroll for all${one.dims === 3 ? ` ${panelShape(one, name).shape[0]} slices` : ""}` });
        captions[name].append(hint);
        if (moved && focus()?.panel !== name) follow(box, one, layout, name, marks);
      }
      showMore(box);
    }
  }

  function showMore(box) {
    box.classList.toggle("below", box.scrollTop + box.clientHeight < box.scrollHeight - 2);
    box.classList.toggle("beyond", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
  }
  for (const name of PANELS) boxes[name].addEventListener("scroll", () => showMore(boxes[name]));

  function showEdit(one) {
    const target = pinned && editable(one, at, pinned);
    $(".unpin").hidden = !pinned;
    const known = form.dataset.target ?? "", next = target ? JSON.stringify(target) : "";
    form.hidden = !target;
    if (known === next) return;
    form.dataset.target = next;
    if (!target) return;
    form.querySelector("span").textContent = target.name;
    field.value = target.value;
    field.setAttribute("aria-invalid", "false");
  }

  // ---- moving --------------------------------------------------------------------------------
  const termsOf = (cell) => countTerms(part(), cell);
  const rate = () => 2 ** Number(scrub.rate.value);

  function go(cell, term = null) {
    at.cell = Math.max(0, Math.min(cells() - 1, cell));
    const total = termsOf(at.cell);
    at.term = term === null ? total : Math.max(0, Math.min(total, term));
    redraw();
  }

  function advance(step) { // one product, or one cell; false at the end
    if (!each.checked) {
      if (at.cell + step < 0 || at.cell + step >= cells()) return false;
      go(at.cell + step);
    } else if (at.term + step >= 0 && at.term + step <= termsOf(at.cell)) {
      go(at.cell, at.term + step);
    } else {
      if (at.cell + step < 0 || at.cell + step >= cells()) return false;
      go(at.cell + step, step > 0 ? 1 : null);
    }
    return true;
  }

  function nextPart() { // a depthwise separable convolution goes on with its second step
    if (at.part + 1 >= parts.length) return false;
    choosePart(at.part + 1);
    if (each.checked) go(0, 0);
    return true;
  }

  function play(wanted) {
    if (Boolean(playing) === wanted) return;
    const button = $(".play");
    button.title = wanted ? "Pause" : "Play";
    button.setAttribute("aria-label", button.title);
    button.querySelector("path").setAttribute("d", wanted ? "M6 4h4v16H6zM14 4h4v16h-4z" : "M7 4v16l13-8z");
    if (!wanted) {
      cancelAnimationFrame(playing);
      playing = null;
      settled();
      return;
    }
    hover = null;
    pinned = null;
    if (at.cell === cells() - 1 && at.term >= termsOf(at.cell)) {
      if (at.part + 1 >= parts.length) choosePart(0);
      go(0, each.checked ? 0 : null);
    }
    let last = performance.now();
    const tick = (now) => {
      const steps = Math.floor(((now - last) / 1000) * rate());
      if (steps > 0) last += (steps * 1000) / rate();
      for (let i = 0; i < Math.min(steps, 64); i++) {
        if (!advance(1) && !nextPart()) { play(false); return; }
      }
      if (!section.isConnected) { playing = null; return; }
      playing = requestAnimationFrame(tick);
    };
    playing = requestAnimationFrame(tick);
    redraw();
  }

  // Where one stands is part of the address, so that a link shows the same cell. It is written from
  // here because asking the server for each move would make every move wait.
  function settled() {
    const url = new URL(location.href);
    const text = at.part ? `${at.part}.${at.cell}` : String(at.cell);
    if (text === "0") url.searchParams.delete("at");
    else url.searchParams.set("at", text);
    if (url.href !== location.href) history.replaceState(history.state, "", url);
    $(".status").textContent = $(".sum .running")?.textContent ?? "";
  }

  function choosePart(index) {
    at = { part: index, cell: 0, term: 0 };
    hover = pinned = null;
    go(0);
    for (const [i, button] of all(".parts button").entries()) button.setAttribute("aria-checked", String(i === index));
  }

  $(".play").addEventListener("click", () => play(!playing));
  for (const [name, step] of [["back", -1], ["next", 1]]) {
    $(`.${name}`).addEventListener("click", () => { play(false); hover = pinned = null; advance(step); requestAnimationFrame(settled); });
  }
  scrub.cell.addEventListener("input", () => { play(false); hover = pinned = null; go(Number(scrub.cell.value)); });
  scrub.term.addEventListener("input", () => { play(false); hover = pinned = null; go(at.cell, Number(scrub.term.value)); });
  scrub.rate.addEventListener("input", redraw);
  for (const name of ["cell", "term"]) scrub[name].addEventListener("change", settled);

  // ---- pointing and pinning ------------------------------------------------------------------
  function pin(target) {
    play(false);
    const same = pinned && target && JSON.stringify(pinned) === JSON.stringify(target);
    pinned = same ? null : target;
    hover = null;
    if (pinned?.panel === "output") {
      go(pinned.channel * part().places + flatten(pinned.place, part().out));
      settled();
    }
    redraw();
  }

  for (const name of PANELS) {
    const canvas = canvases[name];
    const find = (event) => {
      const box = canvas.getBoundingClientRect();
      return hit(part(), layout, name, event.clientX - box.left, event.clientY - box.top);
    };
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse" || playing) return;
      const found = find(event);
      if (JSON.stringify(found) === JSON.stringify(hover)) return;
      hover = found;
      redraw();
    });
    canvas.addEventListener("pointerleave", () => { if (hover) { hover = null; redraw(); } });
    canvas.addEventListener("click", (event) => {
      const found = find(event);
      if (found) { cursors[name] = found; pin(found); }
    });
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Escape") pin(null);
      else if (event.key === "Enter" || event.key === " ") pin(cursors[name] ?? firstCell(name, at, part()));
      else {
        const next = move(part(), name, cursors[name] ?? firstCell(name, at, part()), event.key);
        if (!next) return;
        cursors[name] = hover = next;
        play(false);
        redraw();
        requestAnimationFrame(() => { $(".status").textContent = $(".where").textContent; });
      }
      event.preventDefault();
      event.stopPropagation(); // Streamlit's own single-key shortcuts
    });
    canvas.addEventListener("blur", () => { if (hover) { hover = null; redraw(); } });
  }
  $(".unpin").addEventListener("click", () => pin(null));
  section.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && pinned) { pin(null); event.stopPropagation(); }
  });

  // ---- other numbers -------------------------------------------------------------------------
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const value = Number(field.value.trim().replace("−", "-").replace(",", "."));
    const good = field.value.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= 1e6;
    field.setAttribute("aria-invalid", String(!good));
    if (!good) return;
    const { what, place } = JSON.parse(form.dataset.target);
    send("edit", { what, part: at.part, place, value });
  });
  form.addEventListener("keydown", (event) => event.stopPropagation());

  // ---- from Python ---------------------------------------------------------------------------
  function update(next, setTriggerValue) {
    send = setTriggerValue;
    const fresh = data === null || data.shape !== next.shape;
    data = next;
    parts = next.parts.map(prepare);
    section.setAttribute("aria-label", next.label);
    for (const name of PANELS) canvases[name].setAttribute("aria-label", `Cells of the ${name}`);
    const box = $(".parts");
    if (box.children.length !== (parts.length > 1 ? parts.length : 0)) {
      box.replaceChildren(...(parts.length > 1 ? parts : []).map((one, index) => {
        const button = document.createElement("button");
        Object.assign(button, { type: "button", textContent: one.title });
        button.setAttribute("role", "radio");
        button.addEventListener("click", () => { play(false); choosePart(index); requestAnimationFrame(settled); });
        return button;
      }));
    }
    if (fresh) {
      play(false);
      const [first, second] = (next.at ?? "0").split(".").map(Number);
      const wanted = second === undefined ? { part: 0, cell: first } : { part: first, cell: second };
      choosePart(Math.max(0, Math.min(parts.length - 1, wanted.part || 0)));
      go(wanted.cell || 0);
    } else go(at.cell, at.term);
    delete form.dataset.target;
    redraw();
  }

  const observer = new ResizeObserver(redraw);
  observer.observe(section);
  section.addEventListener("transitionend", (event) => { if (event.target === section) redraw(); });
  return { update, dispose: () => { play(false); observer.disconnect(); } };
}
