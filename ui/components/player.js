// The browser half of player.py: which moment is seen, and everything that chooses it. What the
// panels draw is in player_panels.js. Streamlit calls the default export again on every rerun with
// the same parentElement: the player found there goes on where it is.

const SETTLE_MS = 350; // after the last move, before Python hears of it
const TICK_ROOM = 64; // CSS pixels a label below the slider needs

const players = new WeakMap();
const visits = new Map(); // where a visit is, for a player that Streamlit builds anew during it

export default function ({ data, parentElement, setStateValue }) {
  let one = players.get(parentElement);
  if (!one) players.set(parentElement, (one = createPlayer(parentElement)));
  one.update(data, (view) => setStateValue("view", view));
  return () => { if (!parentElement.isConnected) one.dispose(); };
}

function createPlayer(root) {
  const $ = (selector) => root.querySelector(selector);
  const stage = $(".player"), range = $(".range"), strip = $(".strip"), speed = $(".speed select");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  let frames = [], panels = [], lines = [], version = null;
  let index = 0, pinned = null, own = false; // the moment seen (B), the one held (A)
  let follows = true; // the newest moment is what is looked at, also when it is another one
  let playing = null, timer = null, send = null, sent = "", visit = null;

  const last = () => frames.length - 1;
  const nearest = (at) => frames.reduce(
    (best, frame, i) => (Math.abs(frame.at - at) < Math.abs(frames[best].at - at) ? i : best), 0);

  // ---- from Python ---------------------------------------------------------------------------
  function update(data, sendView) {
    send = sendView;
    $(".live").hidden = !data.live;
    if (data.version === version) return;
    const before = version === null ? null : frames;
    const begin = visits.get(data.visit) ?? data.start;
    visit = data.visit;
    const seen = before ? before[index].at : begin.at;
    const held = before ? (pinned === null ? null : before[pinned].at) : begin.pinned;
    version = data.version;
    ({ frames, lines } = data);
    if (!before) {
      own = begin.own;
      speed.value = calm ? "1" : "4";
      follows = begin.at === null;
    }
    index = follows && playing === null ? last() : nearest(seen ?? frames[last()].at);
    pinned = held === null ? null : nearest(held);
    range.max = last();
    range.setAttribute("aria-label", data.label);
    range.disabled = last() === 0;
    for (const button of root.querySelectorAll(".play, .compare")) button.disabled = last() === 0;
    $(".own").hidden = !data.panels.some((panel) => panel.kind === "values" && panel.own);
    $(".own input").checked = own;
    panels = buildPanels($(".panels"), data);
    strip.classList.toggle("bare", lines.length === 0);
    drawCurves($(".curves"), lines, last());
    drawTicks();
    sent = JSON.stringify(view());
    show();
  }

  // ---- what is seen --------------------------------------------------------------------------
  const share = (place) => `${last() ? (100 * place) / last() : 0}%`;

  function show() {
    const frame = frames[index];
    range.value = index;
    range.setAttribute("aria-valuetext", `${frame.label}. ${frame.caption}`);
    const comparing = pinned !== null;
    stage.classList.toggle("comparing", comparing);
    fill($(".moment.b"), frame);
    $(".moment.b .mark").hidden = !comparing;
    $(".moment.a").hidden = !comparing;
    if (comparing) fill($(".moment.a"), frames[pinned]);
    $(".cursor").style.left = share(index);
    $(".pin").hidden = !comparing;
    if (comparing) $(".pin").style.left = share(pinned);
    $(".compare").setAttribute("aria-pressed", comparing);
    $(".compare").textContent = comparing ? "End comparison" : "Compare with this";
    $(".back").disabled = index === 0;
    $(".on").disabled = index === last();
    for (const panel of panels) panel.show(index, pinned, own);
    visits.set(visit, view());
    drawLegend($(".legend"), lines, index);
  }

  function fill(place, frame) {
    place.querySelector(".label").textContent = frame.label;
    place.querySelector(".caption").textContent = frame.caption;
  }

  function drawTicks() {
    // The labels that fit, the first and the last among them.
    const room = Math.max(2, Math.floor(strip.clientWidth / TICK_ROOM));
    const every = Math.max(1, Math.ceil(last() / Math.max(1, room - 1)));
    const places = frames.map((_, i) => i).filter((i) => i % every === 0 && last() - i >= every / 2);
    if (last() > 0) places.push(last());
    $(".ticks").replaceChildren(...(places.length ? places : [0]).map((i) => {
      const label = document.createElement("span");
      label.textContent = frames[i].at.toLocaleString("en-US");
      label.style.left = share(i);
      return label;
    }));
  }
  const resized = new ResizeObserver(() => { if (frames.length) drawTicks(); });
  resized.observe(strip);

  // ---- what chooses --------------------------------------------------------------------------
  function go(to) {
    const place = Math.min(last(), Math.max(0, Math.round(to)));
    if (place !== index) {
      index = place;
      follows = index === last();
      show();
    }
    settle();
  }

  const view = () => ({
    at: follows && index === last() ? null : frames[index].at,
    pinned: pinned === null ? null : frames[pinned].at,
    own,
  });

  function settle() {
    clearTimeout(timer);
    if (playing !== null) return; // Python hears where it stopped
    timer = setTimeout(() => {
      const text = JSON.stringify(view());
      if (text === sent) return;
      sent = text;
      send(view());
    }, SETTLE_MS);
  }

  function play() {
    if (playing !== null) return halt();
    if (index === last()) go(0);
    stage.classList.add("playing");
    $(".play").setAttribute("aria-label", "Pause");
    const tick = () => {
      go(index + 1);
      if (index === last()) halt();
      else playing = setTimeout(tick, 1000 / Number(speed.value));
    };
    playing = setTimeout(tick, 1000 / Number(speed.value));
    clearTimeout(timer);
  }

  function halt() {
    clearTimeout(playing);
    playing = null;
    stage.classList.remove("playing");
    $(".play").setAttribute("aria-label", "Play");
    settle();
  }

  range.addEventListener("input", () => { if (playing !== null) halt(); go(Number(range.value)); });
  range.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    play();
  });
  stage.addEventListener("keydown", (event) => event.stopPropagation()); // Streamlit's shortcuts
  $(".play").addEventListener("click", play);
  $(".back").addEventListener("click", () => { if (playing !== null) halt(); go(index - 1); });
  $(".on").addEventListener("click", () => { if (playing !== null) halt(); go(index + 1); });
  $(".compare").addEventListener("click", () => {
    pinned = pinned === null ? index : null;
    show();
    settle();
  });
  $(".own input").addEventListener("change", (event) => {
    own = event.target.checked;
    show();
    settle();
  });

  let dragging = null; // id of the pointer on the strip
  const toPlace = (event) => {
    const box = strip.getBoundingClientRect();
    return (last() * (event.clientX - box.left)) / box.width;
  };
  strip.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (playing !== null) halt();
    dragging = event.pointerId;
    strip.setPointerCapture(dragging);
    go(toPlace(event));
  });
  strip.addEventListener("pointermove", (event) => {
    if (event.pointerId === dragging) go(toPlace(event));
  });
  for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
    strip.addEventListener(kind, (event) => { if (event.pointerId === dragging) dragging = null; });
  }

  return {
    update,
    dispose: () => { clearTimeout(timer); clearTimeout(playing); resized.disconnect(); },
  };
}

// ---- curves --------------------------------------------------------------------------------------
function drawCurves(svg, lines, last) {
  const along = (place) => (last ? (1000 * place) / last : 0).toFixed(1);
  const make = (points, style) => {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("points", points.map(([x, y]) => `${x},${y.toFixed(1)}`).join(" "));
    Object.assign(line.style, style);
    return line;
  };
  const drawn = lines.flatMap((line) => {
    const parts = [[]]; // a gap begins another part
    for (const [place, value] of line.data) {
      if (value === null) parts.push([]);
      else parts.at(-1).push([along(place), 100 * (1 - Math.min(1, Math.max(0, value / line.top)))]);
    }
    const style = { stroke: line.color, strokeDasharray: line.dash };
    return parts.filter((part) => part.length > 1).map((part) => make(part, style));
  });
  const base = make([[0, 100], [1000, 100]], {});
  base.classList.add("base");
  svg.replaceChildren(base, ...drawn);
}

function drawLegend(place, lines, index) {
  place.replaceChildren(...lines.map((line) => {
    const entry = document.createElement("span"), mark = document.createElement("i");
    mark.style.borderColor = line.color;
    if (line.dash) mark.style.borderTopStyle = "dashed";
    const reached = line.data.filter(([at, value]) => at <= index + 1e-6 && value !== null).at(-1);
    const value = document.createElement("b");
    value.textContent = !reached ? "–"
      : line.percent ? `${(100 * reached[1]).toFixed(1)} %` : reached[1].toPrecision(3);
    entry.append(mark, line.name, value);
    return entry;
  }));
}
