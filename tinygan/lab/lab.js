// The front end of the lab, plain JavaScript: `render({ model, el })` as anywidget calls it, in a notebook or by page.js.
//
// It asks with model.send({ do, tab, ... }) and draws the answers: JSON, and float32 arrays in one buffer. While it plays,
// the next question is sent as soon as an answer is there, so Python trains while the browser draws. Words are in words.json.

const SPEEDS = { slow: 0, normal: 1, fast: 24 }; // milliseconds of training for a frame; slow: one player's move at a time
const SLOW_PAUSE = 450; // milliseconds between moves
const CURVES_EVERY = 200; // milliseconds between drawings of curves and numbers, which change more slowly than the points
const ROW_PAUSE = 110, REST = 9; // milliseconds between rows that are written; rows' time for which all are shown
const FIELDS = {
  plane: {
    data: ["scene", "batch_size"],
    game: ["objective", "penalty", "gamma", "clip_weights", "n_critic"],
    rates: ["learning_rate", "d_rate", "beta1", "beta2", "ema"],
    networks: ["hidden", "layers", "noise", "d_hidden", "d_layers", "seed"],
  },
  digits: {
    game: ["objective", "penalty", "gamma", "n_critic"],
    rates: ["learning_rate", "d_rate", "beta1", "ema"],
    networks: ["hidden", "noise", "row_noise", "batch_size", "seed"],
  },
};
const LAYERS = ["surface", "real", "generated", "pull", "net"];

// --- small tools -------------------------------------------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

function unpack(header, buffer) {
  const arrays = {}, bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
  let at = 0;
  for (const [name, shape] of header.arrays || []) {
    const size = shape.reduce((a, b) => a * b, 1);
    arrays[name] = Object.assign(new Float32Array(bytes, 4 * at, size), { shape });
    at += size;
  }
  return arrays;
}

const sigmoid = (v) => 1 / (1 + Math.exp(-v));
const number = (x, digits = 2) =>
  x === null || x === undefined ? "–" : Math.abs(x) >= 1e4 || (x && Math.abs(x) < 1e-3) ? x.toExponential(1) : x.toFixed(digits);

/** A canvas whose pixels are the screen's: returns [context, width, height] in CSS pixels. */
function open(canvas) {
  const ratio = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return [context, width, height];
}

/** The colours of the style sheet as [r, g, b], in the theme of the moment. */
function readColours(root) {
  const colours = {}, probe = make("span", { hidden: true });
  root.append(probe);
  for (const name of ["ink", "muted", "line", "panel", "real", "fake", "net", "accent"]) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  }
  probe.remove();
  return colours;
}
const rgb = (c, alpha = 1) => `rgba(${c.join(",")},${alpha})`;
const mix = (a, b, t) => a.map((x, i) => x + (b[i] - x) * t);

/** Words in the language of the moment; elements made with `word` follow when it changes. */
function speaker(words, root, language) {
  const say = (key, values = {}) =>
    (words[say.language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  say.language = words[language] ? language : (navigator.language || "en").startsWith("zh") ? "zh" : "en";
  say.all = () => {
    root.lang = say.language === "zh" ? "zh-CN" : "en";
    for (const e of root.querySelectorAll("[data-word]")) e.textContent = say(e.dataset.word);
    for (const e of root.querySelectorAll("[data-label]")) e.setAttribute("aria-label", say(e.dataset.label));
    for (const e of root.querySelectorAll("[data-hint]")) e.title = say(e.dataset.hint);
  };
  return say;
}
const word = (tag, key, attributes = {}) => make(tag, { "data-word": key, ...attributes });

// --- pictures ----------------------------------------------------------------------------------------------------

/** Curves over steps. rows: Float32Array (n, 1 + curves); curves: [{ column, colour, name }]; low, high: a fixed range. */
function drawCurves(canvas, rows, curves, colours, { low, high } = {}) {
  const [c, width, height] = open(canvas), [n, columns] = rows.shape || [0, 1];
  const left = 50, right = 10, top = 8, bottom = 20, plot = { w: width - left - right, h: height - top - bottom };
  const values = [];
  for (let i = 0; i < n; i++) for (const { column } of curves) if (isFinite(rows[i * columns + column])) values.push(rows[i * columns + column]);
  values.sort((a, b) => a - b);
  const cut = (share) => values[Math.min(values.length - 1, Math.floor(share * values.length))];
  let from = low ?? (values.length ? cut(0.01) : 0), to = high ?? (values.length ? cut(0.99) : 1);
  if (!(to - from > 1e-6)) [from, to] = [from - 0.5, to + 0.5];
  const digits = Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(to - from))));
  const first = n ? rows[0] : 0, last = n ? Math.max(rows[(n - 1) * columns], first + 1) : 1;
  const x = (k) => left + (plot.w * (k - first)) / (last - first), y = (v) => top + plot.h * (1 - (v - from) / (to - from));
  c.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  c.strokeStyle = rgb(colours.line);
  c.fillStyle = rgb(colours.muted);
  c.lineWidth = 1;
  for (const share of [0, 0.5, 1]) {
    const v = from + share * (to - from);
    c.beginPath(); c.moveTo(left, Math.round(y(v)) + 0.5); c.lineTo(width - right, Math.round(y(v)) + 0.5); c.stroke();
    c.textAlign = "right"; c.textBaseline = "middle"; c.fillText(number(v, digits), left - 6, y(v));
  }
  c.textBaseline = "alphabetic"; c.textAlign = "left"; c.fillText(String(Math.round(first)), left, height - 5);
  if (n > 1) { c.textAlign = "right"; c.fillText(String(Math.round(last)), width - right, height - 5); }
  c.save();
  c.beginPath(); c.rect(left, top - 2, plot.w + 2, plot.h + 4); c.clip();
  curves.forEach(({ column, colour }, place) => {
    c.beginPath();
    c.strokeStyle = rgb(colour); c.lineWidth = 1.6; c.setLineDash(place % 2 ? [5, 3] : []);
    let drawing = false;
    for (let i = 0; i < n; i++) {
      const v = rows[i * columns + column];
      if (!isFinite(v)) { drawing = false; continue; }
      drawing ? c.lineTo(x(rows[i * columns]), y(v)) : c.moveTo(x(rows[i * columns]), y(v));
      drawing = true;
    }
    c.stroke();
  });
  c.restore();
}

/** D's verdicts on the plane as a small picture: towards `real` where it says real, towards `fake` where it does not. */
function paintSurface(state, kind, colours, surface) {
  const { verdicts } = state, [h, w] = verdicts.shape, pixels = new ImageData(w, h);
  const centre = kind === "v" && isFinite(state.real_verdict) ? (state.real_verdict + state.fake_verdict) / 2 : 0;
  let scale = 1e-6;
  if (kind === "v") for (const v of verdicts) scale = Math.max(scale, Math.abs(v - centre));
  for (let row = 0; row < h; row++) for (let column = 0; column < w; column++) {
    const v = verdicts[row * w + column], t = kind === "v" ? (v - centre) / scale : 2 * sigmoid(v) - 1;
    const colour = mix(colours.panel, t > 0 ? colours.real : colours.fake, 0.66 * Math.min(1, Math.abs(t) ** 0.7));
    pixels.data.set([...colour, 255], 4 * ((h - 1 - row) * w + column));
  }
  [surface.width, surface.height] = [w, h];
  surface.getContext("2d").putImageData(pixels, 0, 0);
  return kind === "v" ? [centre - scale, centre + scale] : [0, 1];
}

function drawPlane(canvas, surface, state, shown, kind, colours, side, pen) {
  const [c, width, height] = open(canvas);
  const x = (v) => ((v + side) / (2 * side)) * width, y = (v) => ((side - v) / (2 * side)) * height;
  let range = null;
  if (shown.surface) {
    range = paintSurface(state, kind, colours, surface);
    c.imageSmoothingEnabled = true; c.imageSmoothingQuality = "high";
    c.drawImage(surface, 0, 0, width, height);
  }
  const small = width < 420 ? 0.8 : 1;
  if (shown.net) {
    const { net } = state, [rows, columns] = net.shape, line = (start, step, count) => {
      for (let i = 0; i < count; i++) { const at = 2 * (start + i * step); i ? c.lineTo(x(net[at]), y(net[at + 1])) : c.moveTo(x(net[at]), y(net[at + 1])); }
    };
    c.beginPath();
    for (let r = 0; r < rows; r++) line(r * columns, 1, columns);
    if (rows > 1) for (let k = 0; k < columns; k++) line(k, columns, rows);
    c.strokeStyle = rgb(colours.net, 0.55); c.lineWidth = rows > 1 ? 0.8 : 1.6; c.stroke();
  }
  if (shown.real) {
    c.strokeStyle = rgb(colours.real); c.lineWidth = 1.3; c.fillStyle = rgb(colours.panel, 0.75);
    c.beginPath();
    for (let i = 0; i < state.real.length; i += 2) { const [a, b] = [x(state.real[i]), y(state.real[i + 1])]; c.moveTo(a + 2.6 * small, b); c.arc(a, b, 2.6 * small, 0, 7); }
    c.fill(); c.stroke();
  }
  if (shown.pull) {
    c.strokeStyle = rgb(colours.ink, 0.75); c.lineWidth = 1.1; c.beginPath();
    for (let i = 0; i < state.pull.length; i += 2) {
      const [px, py] = [state.pull[i], state.pull[i + 1]], length = Math.hypot(px, py);
      if (!(length > 1e-6)) continue;
      const shown = Math.min(0.3, 0.5 * length) / length, [a, b] = [x(state.fake[i]), y(state.fake[i + 1])];
      const [d, e] = [x(state.fake[i] + px * shown), y(state.fake[i + 1] + py * shown)], angle = Math.atan2(e - b, d - a);
      c.moveTo(a, b); c.lineTo(d, e);
      const head = Math.min(5, Math.hypot(d - a, e - b) / 2);
      for (const turn of [2.6, -2.6]) { c.moveTo(d, e); c.lineTo(d + head * Math.cos(angle + turn), e + head * Math.sin(angle + turn)); }
    }
    c.stroke();
  }
  if (shown.generated) {
    c.fillStyle = rgb(colours.fake); c.strokeStyle = rgb(colours.panel, 0.9); c.lineWidth = 0.8; c.beginPath();
    const r = 3.4 * small;
    for (let i = 0; i < state.fake.length; i += 2) {
      const [a, b] = [x(state.fake[i]), y(state.fake[i + 1])];
      c.moveTo(a, b - r); c.lineTo(a + r, b); c.lineTo(a, b + r); c.lineTo(a - r, b); c.closePath();
    }
    c.fill(); c.stroke();
  }
  if (pen) {
    c.strokeStyle = rgb(colours.ink); c.lineWidth = 2; c.lineJoin = c.lineCap = "round";
    for (const path of pen.paths) {
      c.beginPath();
      if (path.length === 1) c.arc(x(path[0][0]), y(path[0][1]), 5, 0, 7);
      path.forEach(([a, b], i) => (i ? c.lineTo(x(a), y(b)) : path.length > 1 && c.moveTo(x(a), y(b))));
      c.stroke();
    }
    if (canvas.getRootNode().activeElement === canvas) {
      const [a, b] = [x(pen.at[0]), y(pen.at[1])];
      c.lineWidth = 1.5; c.beginPath();
      c.moveTo(a - 10, b); c.lineTo(a + 10, b); c.moveTo(a, b - 10); c.lineTo(a, b + 10);
      if (pen.down) { c.moveTo(a + 6, b); c.arc(a, b, 6, 0, 7); }
      c.stroke();
    }
  }
  return range;
}

/** A picture of numbers in [-1, 1]: rows up to `written`, the rest left empty. */
function drawDigit(c, values, at, left, top, size, written, colours) {
  const cell = size / 8, edge = (i) => Math.round(i * cell);
  c.fillStyle = rgb(mix(colours.panel, colours.line, 0.5));
  c.fillRect(left, top, size, size);
  for (let row = 0; row < Math.min(8, written); row++) for (let column = 0; column < 8; column++) {
    c.fillStyle = rgb(mix(colours.panel, colours.ink, Math.max(0, Math.min(1, (values[at + 8 * row + column] + 1) / 2))));
    c.fillRect(left + edge(column), top + edge(row), edge(column + 1) - edge(column), edge(row + 1) - edge(row));
  }
  if (written < 8) {
    c.fillStyle = rgb(colours.accent);
    c.fillRect(left, top + edge(written), size, 2);
  }
}

function drawDigits(canvas, state, written, chosen, colours) {
  const [c, width] = open(canvas), gap = 10, size = (width - 3 * gap - 8) / 4;
  for (let i = 0; i < 12; i++) {
    const left = 4 + (i % 4) * (size + gap), top = 4 + Math.floor(i / 4) * (size + gap);
    drawDigit(c, state.pictures, 64 * i, left, top, size, written, colours);
    c.lineWidth = i === chosen ? 3 : 1; c.strokeStyle = rgb(i === chosen ? colours.accent : colours.line);
    c.strokeRect(left - 0.5, top - 0.5, size + 1, size + 1);
  }
}

function drawReal(canvas, state, colours) {
  const [c, width, height] = open(canvas), count = state.real.shape[0], gap = 8, size = Math.min(height - 2, (width - (count - 1) * gap) / count);
  for (let i = 0; i < count; i++) drawDigit(c, state.real, 64 * i, i * (size + gap), 1, size, 8, colours);
}

/** h_t of one picture: a row for each row of the picture, beside that row; a column for each number of the state. */
function drawState(canvas, state, written, chosen, colours) {
  const [c, width, height] = open(canvas), [rows, count, hidden] = state.states.shape;
  const gap = 3, tall = height / rows, picture = 8 * Math.min(16, tall * 0.8), left = picture + 16, wide = (width - left) / hidden;
  for (let t = 0; t < rows; t++) {
    const top = t * tall, empty = t >= written;
    for (let column = 0; column < 8; column++) {
      const v = (state.pictures[64 * chosen + 8 * t + column] + 1) / 2;
      c.fillStyle = rgb(mix(colours.panel, empty ? colours.line : colours.ink, empty ? 0.5 : Math.max(0, Math.min(1, v))));
      c.fillRect((column * picture) / 8, top, picture / 8 + 0.5, tall - gap);
    }
    for (let j = 0; j < hidden; j++) {
      const v = state.states[(t * count + chosen) * hidden + j];
      c.fillStyle = rgb(empty ? mix(colours.panel, colours.line, 0.5) : mix(colours.panel, v > 0 ? colours.real : colours.fake, Math.min(1, Math.abs(v) * 1.2)));
      c.fillRect(left + j * wide, top, Math.max(1, wide - 0.6), tall - gap);
    }
    if (t === written - 1 && written < rows + 1) {
      c.strokeStyle = rgb(colours.accent); c.lineWidth = 2;
      c.strokeRect(left - 2, top - 1, width - left + 1, tall - gap + 2);
    }
  }
}

// --- the lab -----------------------------------------------------------------------------------------------------

function labView(model, el) {
  const { choices, side } = model.get("facts");
  const root = make("div", { class: "tinygan-lab" }), say = speaker(model.get("words"), root, model.get("language"));
  const tabs = ["plane", "digits"], states = {}, queue = [], surface = document.createElement("canvas");
  let tab = "plane", playing = false, waiting = false, gone = "", speed = "fast", kind = "D", turnOf = "d", timer = 0;
  let asked = null, news = null; // the question that is not answered yet; one that was just answered and is not told yet
  let colours, frames = 0, painted = [], trained = [], spoken = 0, drawn = 0, dirty = false, alive = true;
  const shown = Object.fromEntries(LAYERS.map((name) => [name, name !== "net"]));
  const pen = { paths: [], at: [0, 0], down: false, stroke: null };
  const writing = { row: 8, rest: 0, chosen: 0, state: null, next: 0 };
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  // --- asking and answers

  function ask(message) {
    if (message.do !== "play") gone = "";
    if (waiting) { if (message.do !== "play") queue.push(message); return; }
    [waiting, asked] = [true, message];
    model.send({ tab, ...message });
  }

  function hear(header, buffers) {
    waiting = false;
    if (header.gone !== undefined) { gone = header.gone; stop(); refresh(); return; }
    const state = { ...header, ...unpack(header, buffers[0]) };
    states[state.tab] = state;
    if (state.tab === "plane" && !pen.stroke) pen.paths = state.drawing.map((path) => path.map((p) => [...p]));
    if (asked.do !== "play" && asked.do !== "show") news = asked;
    frames += 1;
    root.dataset.frames = frames;
    root.dataset.step = state.k;
    const now = performance.now();
    trained.push([now, state.steps]);
    while (trained.length && now - trained[0][0] > 1500) trained.shift();
    if (playing && (state.stopped || state.error)) stop();
    if (queue.length) ask(queue.shift());
    else if (playing && speed === "slow") timer = setTimeout(oneMove, SLOW_PAUSE);
    else if (playing) ask({ do: "play", ms: SPEEDS[speed] });
    if (!dirty) requestAnimationFrame(paint);
    dirty = true;
  }

  function oneMove() {
    if (!playing) return;
    ask({ do: "move", player: turnOf });
    turnOf = turnOf === "d" ? "g" : "d";
  }

  function play() {
    playing = true;
    painted = []; trained = [];
    speed === "slow" ? oneMove() : ask({ do: "play", ms: SPEEDS[speed] });
    refresh();
  }

  function stop() {
    playing = false;
    clearTimeout(timer);
  }

  function announce(text) {
    spoken = performance.now();
    status.textContent = text;
  }

  // --- what is on the page

  const errorBox = make("p", { class: "error", role: "alert" }), status = make("p", { class: "status", role: "status", "aria-live": "polite" });
  const rate = make("span", { class: "rate", "aria-hidden": "true" });
  const tabButtons = tabs.map((name) => word("button", `tab_${name}`, {
    role: "tab", type: "button", id: `tinygan-tab-${name}`, "aria-controls": `tinygan-panel-${name}`, onclick: () => choose(name),
    onkeydown: (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!move && event.key !== "Home" && event.key !== "End") return;
      event.preventDefault();
      const next = move ? (tabs.indexOf(name) + move + tabs.length) % tabs.length : event.key === "Home" ? 0 : tabs.length - 1;
      choose(tabs[next]);
      tabButtons[next].focus();
    },
  }));
  const languages = make("div", { class: "languages", role: "group", "data-label": "language" }, ...["en", "zh"].map((name) =>
    make("button", { type: "button", lang: name, "data-language": name, onclick: () => speak(name) }, name === "en" ? "English" : "中文")));

  const playButton = make("button", { type: "button", class: "main", onclick: () => { if (playing) { stop(); announce(describe()); refresh(); } else play(); } });
  const moveButton = (player) => word("button", `move_${player}`, { type: "button", "data-hint": `move_${player}_hint`, onclick: () => {
    stop(); ask({ do: "move", player }); refresh();
  } });
  const speedSelect = make("select", { id: "tinygan-speed", onchange: () => { speed = speedSelect.value; if (playing) { clearTimeout(timer); if (!waiting) play(); } } },
    ...Object.keys(SPEEDS).map((name) => word("option", `speed_${name}`, { value: name, selected: name === speed })));
  const transport = make("div", { class: "transport", role: "group", "data-label": "transport" },
    playButton, moveButton("step"), moveButton("d"), moveButton("g"),
    word("button", "restart", { type: "button", "data-hint": "restart_hint", onclick: () => ask({ do: "restart" }) }),
    make("span", { class: "field inline" }, word("label", "speed", { for: "tinygan-speed" }), speedSelect), rate);

  const controls = { plane: {}, digits: {} };
  function field(name, of) {
    const id = `tinygan-${of}-${name}`, isChoice = choices[name], input = isChoice
      ? make("select", { id }, ...choices[name].map((value) => word("option", `${name}_${value}`, { value })))
      : make("input", { id, type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false" });
    const about = isChoice ? make("p", { class: "about", id: `${id}-about` }) : null;
    if (about) input.setAttribute("aria-describedby", `${id}-about`);
    input.addEventListener("change", () => {
      const text = input.value.trim(), value = isChoice ? text : text === "" || isNaN(text) ? text : Number(text);
      ask({ do: "set", values: { [name]: value } });
    });
    const box = make("div", { class: "field" }, word("label", name, { for: id, "data-hint": `${name}_hint` }), input, ...(about ? [about] : []));
    controls[of][name] = { box, input, about };
    return box;
  }
  const settings = (of) => make("form", { class: "settings", "data-label": "settings", onsubmit: (event) => event.preventDefault() },
    ...(of === "plane" ? [presets] : []),
    ...Object.entries(FIELDS[of]).map(([group, names]) => make("fieldset", {}, word("legend", `group_${group}`), ...names.map((name) => field(name, of)))));
  const presetSelect = make("select", { id: "tinygan-preset", onchange: () => {
    if (!presetSelect.value) return;
    ask({ do: "preset", name: presetSelect.value });
  } }, word("option", "preset_none", { value: "" }), ...choices.preset.map((name) => word("option", `preset_${name}`, { value: name })));
  const presetAbout = make("p", { class: "about" });
  const presets = make("div", { class: "field wide" }, word("label", "preset", { for: "tinygan-preset" }), presetSelect, presetAbout);

  // the plane
  const plane = make("canvas", { class: "plane", role: "img" });
  const drawTools = make("div", { class: "draw", role: "group", "data-label": "drawing" },
    word("p", "draw_help"), word("button", "undo", { type: "button", onclick: () => redraw(pen.paths.slice(0, -1)) }),
    word("button", "clear", { type: "button", onclick: () => redraw([]) }));
  const empty = word("p", "draw_empty", { class: "empty", "aria-hidden": "true" });
  const layerBoxes = LAYERS.map((name) => {
    const id = `tinygan-layer-${name}`, box = make("input", { type: "checkbox", id, checked: shown[name], onchange: () => { shown[name] = box.checked; later(); } });
    return make("span", { class: "layer" }, box, make("label", { for: id }, make("i", { class: `mark ${name}`, "aria-hidden": "true" }), word("span", `layer_${name}`)));
  });
  const kindSelect = make("select", { "data-label": "surface_kind", onchange: () => { kind = kindSelect.value; later(); } },
    word("option", "kind_D", { value: "D" }), word("option", "kind_v", { value: "v" }));
  const low = make("span"), high = make("span");
  const legend = make("div", { class: "legend", role: "group", "data-label": "layers" }, ...layerBoxes,
    make("span", { class: "scale" }, kindSelect, low, make("i", { class: "bar", "aria-hidden": "true" }), high));
  const caption = make("p", { class: "caption" }), losses = make("canvas", { class: "curves", role: "img" }), places = make("canvas", { class: "curves low", role: "img" });
  const key = (...names) => make("p", { class: "key" }, ...names.map(([name, mark]) => make("span", {}, make("i", { class: `dash ${mark}`, "aria-hidden": "true" }), word("span", name))));
  const big = make("p", { class: "big" });
  const planePanel = make("section", { role: "tabpanel", id: "tinygan-panel-plane", "aria-labelledby": "tinygan-tab-plane", class: "panel" },
    make("div", { class: "stage" }, make("div", { class: "board" }, plane, empty), drawTools, legend, caption),
    make("div", { class: "side" }, word("h2", "found_title"), big, places, word("h2", "losses"), key(["loss_d", "d"], ["loss_g", "g"]), losses),
    settings("plane"));

  // the digits
  const sheet = make("canvas", { class: "sheet", role: "img", onclick: (event) => {
    const size = sheet.clientWidth / 4;
    pick(Math.floor(event.offsetX / size) + 4 * Math.min(2, Math.floor(event.offsetY / size)));
  } });
  const pickSelect = make("select", { id: "tinygan-picture", onchange: () => pick(Number(pickSelect.value)) },
    ...Array.from({ length: 12 }, (_, i) => make("option", { value: i }, String(i + 1))));
  const hidden = make("canvas", { class: "hidden-state", role: "img" }), realSheet = make("canvas", { class: "real-sheet", role: "img" });
  const digitLosses = make("canvas", { class: "curves", role: "img" }), digitCaption = make("p", { class: "caption" });
  const digitPanel = make("section", { role: "tabpanel", id: "tinygan-panel-digits", "aria-labelledby": "tinygan-tab-digits", class: "panel", hidden: true },
    make("div", { class: "stage" }, word("h2", "written_title"), make("div", { class: "board" }, sheet), digitCaption,
      make("div", { class: "transport" }, word("button", "write_again", { type: "button", onclick: () => { begin(); announce(say("row_of", { row: 1 })); } }),
        make("span", { class: "field inline" }, word("label", "picture", { for: "tinygan-picture" }), pickSelect))),
    make("div", { class: "side" }, word("h2", "state_title"), word("p", "state_about", { class: "about" }), hidden,
      word("h2", "real_digits"), realSheet, word("h2", "losses"), key(["loss_d", "d"], ["loss_g", "g"]), digitLosses),
    settings("digits"));

  root.append(
    make("header", {}, make("h1", {}, "tinygan lab"), make("div", { role: "tablist", "data-label": "tabs", class: "tabs" }, ...tabButtons), languages),
    transport, errorBox, status, planePanel, digitPanel);
  el.append(root);

  // --- drawing by hand

  const toPlane = (event) => {
    const box = plane.getBoundingClientRect(), clip = (v) => Math.max(-side, Math.min(side, v));
    return [clip(((event.clientX - box.left) / box.width) * 2 * side - side), clip(side - ((event.clientY - box.top) / box.height) * 2 * side)].map((v) => Number(v.toFixed(3)));
  };
  const mayDraw = () => states.plane?.settings.scene === "drawn";
  function redraw(paths) {
    pen.paths = paths; pen.stroke = null; pen.down = false;
    ask({ do: "draw", paths });
    announce(say("drawn_count", { count: paths.length }));
    later();
  }
  plane.addEventListener("pointerdown", (event) => {
    if (!mayDraw()) return;
    plane.setPointerCapture(event.pointerId);
    pen.stroke = [toPlane(event)];
    pen.paths.push(pen.stroke);
    later();
  });
  plane.addEventListener("pointermove", (event) => {
    if (!pen.stroke || pen.down) return;
    const at = toPlane(event), last = pen.stroke[pen.stroke.length - 1];
    if (Math.hypot(at[0] - last[0], at[1] - last[1]) > 0.03 && pen.stroke.length < 2000) pen.stroke.push(at);
    later();
  });
  for (const name of ["pointerup", "pointercancel"]) plane.addEventListener(name, () => { if (pen.stroke && !pen.down) redraw(pen.paths); });
  plane.addEventListener("keydown", (event) => {
    if (!mayDraw()) return;
    const step = event.shiftKey ? 0.02 : 0.1, move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    if (!move && ![" ", "Enter", "Backspace"].includes(event.key)) return;
    event.preventDefault();
    if (move) {
      pen.at = pen.at.map((v, i) => Number(Math.max(-side, Math.min(side, v + move[i])).toFixed(3)));
      if (pen.down) pen.stroke.push([...pen.at]);
      announce(say("pen_at", { x: number(pen.at[0]), y: number(pen.at[1]) }));
    } else if (event.key === " ") redraw([...pen.paths, [[...pen.at]]]);
    else if (event.key === "Backspace") redraw(pen.paths.slice(0, -1));
    else if (pen.down) redraw(pen.paths);
    else {
      pen.down = true; pen.stroke = [[...pen.at]]; pen.paths.push(pen.stroke);
      announce(say("pen_down"));
    }
    later();
  });
  for (const name of ["focus", "blur"]) plane.addEventListener(name, () => later());

  // --- writing row by row

  function begin() { writing.row = 0; writing.rest = 0; writing.state = states.digits; later(); }
  function pick(i) { writing.chosen = i; pickSelect.value = i; later(); }
  function writeOn() {
    if (tab !== "digits" || !states.digits) return;
    if (calm.matches) { writing.row = 8; writing.state = states.digits; }
    else if (writing.row < 8) writing.row += 1;
    else if (playing && ++writing.rest > REST) { begin(); return; }
    else if (!playing && writing.state !== states.digits) writing.state = states.digits;
    else if (!playing) return;
    later();
  }
  const clock = setInterval(writeOn, ROW_PAUSE);

  // --- showing

  function describe() {
    const s = states[tab];
    if (!s) return "";
    const values = { k: s.k, d: number(s.d_loss), g: number(s.g_loss), real: number(sigmoid(s.real_verdict)), fake: number(sigmoid(s.fake_verdict)), found: s.found, places: s.places, near: Math.round(100 * s.near) };
    return tab === "plane" ? say(s.places ? "plane_text" : "plane_empty", values) : say("digits_text", { ...values, row: writing.row });
  }

  function later() {
    if (!dirty) requestAnimationFrame(paint);
    dirty = true;
  }

  function paint() {
    dirty = false;
    const s = states[tab];
    if (!alive || !s) return;
    const now = performance.now();
    painted.push(now);
    while (painted.length && now - painted[0] > 1500) painted.shift();
    const all = !playing || now - drawn > CURVES_EVERY;
    if (all) drawn = now;
    if (tab === "plane") {
      const range = drawPlane(plane, surface, s, shown, kind, colours, side, mayDraw() ? pen : null);
      if (all && range) [low.textContent, high.textContent] = range.map((v) => number(v, kind === "v" ? 1 : 0));
    } else {
      if (!writing.state) writing.state = s;
      drawDigits(sheet, writing.state, writing.row, writing.chosen, colours);
      drawState(hidden, writing.state, writing.row, writing.chosen, colours);
    }
    if (!all) return;
    if (tab === "plane") {
      drawCurves(losses, s.history, [{ column: 1, colour: colours.real }, { column: 2, colour: colours.fake }], colours);
      drawCurves(places, s.history, [{ column: 3, colour: colours.accent }], colours, { low: 0, high: 1 });
      big.textContent = s.places ? say("found_of", { found: s.found, places: s.places, near: Math.round(100 * s.near) }) : say("nothing_drawn");
      caption.textContent = playing && speed === "slow" && asked.do === "move" ? `${say(`moved_${asked.player}`)} ${describe()}` : describe();
    } else {
      drawReal(realSheet, s, colours);
      drawCurves(digitLosses, s.history, [{ column: 1, colour: colours.real }, { column: 2, colour: colours.fake }], colours);
      digitCaption.textContent = describe();
    }
    if (news || now - spoken > 4000 || !playing) refresh();
    const seconds = Math.max(0.3, (now - Math.min(painted[0], trained[0]?.[0] ?? now)) / 1000), steps = trained.reduce((sum, [, n]) => sum + n, 0);
    rate.textContent = playing && speed !== "slow" ? say("rate", { frames: Math.round(painted.length / seconds), steps: Math.round(steps / seconds) }) : "";
  }

  /** Everything but the pictures: buttons, settings, words that change. */
  function refresh() {
    const s = states[tab];
    tabs.forEach((name, i) => {
      tabButtons[i].setAttribute("aria-selected", name === tab);
      tabButtons[i].tabIndex = name === tab ? 0 : -1;
    });
    planePanel.hidden = tab !== "plane";
    digitPanel.hidden = tab !== "digits";
    playButton.textContent = say(playing ? "pause" : "play");
    playButton.dataset.playing = playing;
    for (const b of languages.children) b.setAttribute("aria-pressed", b.dataset.language === say.language);
    const problem = gone ? say("gone", { why: gone }) : s?.stopped ? say("stopped", { why: s.stopped }) : s?.error ? say("refused", { why: s.error }) : "";
    if (errorBox.textContent !== problem) errorBox.textContent = problem;
    errorBox.hidden = !problem;
    if (!s) return;
    for (const [name, { box, input, about }] of Object.entries(controls[tab])) {
      const value = s.settings[name];
      box.hidden = value === undefined;
      const typing = root.getRootNode().activeElement === input && input.tagName === "INPUT", wrong = news?.do === "set" && s.error && name in news.values;
      if (value !== undefined && !wrong && (!typing || (news && !s.error))) input.value = String(value);
      if (news) input.setAttribute("aria-invalid", Boolean(wrong));
      if (about) about.textContent = value === undefined ? "" : say(`${name}_${value}_about`) === `${name}_${value}_about` ? "" : say(`${name}_${value}_about`);
    }
    if (tab === "plane") {
      presetAbout.textContent = presetSelect.value ? say(`preset_${presetSelect.value}_about`) : "";
      if (news?.do === "set") presetSelect.value = "";
      const may = mayDraw();
      drawTools.hidden = !may;
      empty.hidden = !(may && !pen.paths.length);
      plane.setAttribute("role", may ? "application" : "img");
      may ? plane.setAttribute("tabindex", "0") : plane.removeAttribute("tabindex");
      plane.classList.toggle("drawable", may);
    }
    const text = describe();
    plane.setAttribute("aria-label", `${say(mayDraw() ? "board_label" : "plane_label")} ${tab === "plane" ? text : ""}`);
    places.setAttribute("aria-label", big.textContent);
    for (const canvas of [losses, digitLosses]) canvas.setAttribute("aria-label", say("losses_text", { d: number(s.d_loss), g: number(s.g_loss) }));
    sheet.setAttribute("aria-label", `${say("sheet_label")} ${tab === "digits" ? text : ""}`);
    hidden.setAttribute("aria-label", say("state_label", { picture: writing.chosen + 1 }));
    realSheet.setAttribute("aria-label", say("real_digits"));
    const change = news && !(playing && news.do === "move") && news.do !== "draw" ? news : null;
    news = null;
    if (change && !problem) announce(`${say(change.do === "move" ? `moved_${change.player}` : change.do === "set" ? "settings_taken" : "new_networks")} ${text}`);
    else if (playing && performance.now() - spoken > 4000) announce(text);
  }

  function choose(name) {
    if (name === tab) return;
    stop();
    tab = name;
    ask({ do: "show", tab: name });
    refresh();
    later();
  }

  function speak(name) {
    say.language = name;
    try { localStorage.setItem("tinygan-language", name); } catch { /* a notebook may forbid it */ }
    say.all();
    status.textContent = "";
    refresh();
    later();
  }

  const recolour = () => { colours = readColours(root); later(); };
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", recolour);
  const themes = new MutationObserver(recolour);
  themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  const sizes = new ResizeObserver(later);
  sizes.observe(root);
  colours = readColours(root);
  model.on("msg:custom", hear);
  try { speak(model.get("language") || localStorage.getItem("tinygan-language") || say.language); } catch { speak(say.language); }
  ask({ do: "show" });

  return () => {
    alive = false;
    stop();
    clearInterval(clock);
    dark.removeEventListener("change", recolour);
    themes.disconnect();
    sizes.disconnect();
    model.off("msg:custom", hear);
  };
}

// --- the page of a training --------------------------------------------------------------------------------------

const LOOK_EVERY = 1500; // milliseconds

function runView(model, el) {
  const root = make("div", { class: "tinygan-lab" }), say = speaker(model.get("words"), root, model.get("language"));
  const run = { log: -1, have: "", names: [], rows: null, samples: [], says: [] };
  let colours, wanted = "", picture = "", timer = 0, failed = "";
  const title = make("h1"), status = make("p", { class: "status", role: "status", "aria-live": "polite" }), errorBox = make("p", { class: "error", role: "alert", hidden: true });
  const progress = make("progress", { max: 1, value: 0, "data-label": "run_progress" }), where = make("p", { class: "caption" });
  const image = make("img", { hidden: true, onload: () => image.classList.toggle("small", image.naturalWidth < 400) }), text = make("pre", { hidden: true, tabindex: 0, "data-label": "run_samples" }), none = word("p", "run_no_samples", { class: "about" });
  const sampleSelect = make("select", { id: "tinygan-sample", onchange: () => { wanted = sampleSelect.value; look(); } });
  const charts = make("div", { class: "charts" }), said = make("ul", { class: "about" });
  const languages = make("div", { class: "languages", role: "group", "data-label": "language" }, ...["en", "zh"].map((name) =>
    make("button", { type: "button", lang: name, "data-language": name, onclick: () => { say.language = name; say.all(); show(); } }, name === "en" ? "English" : "中文")));
  root.append(make("header", {}, title, languages), status, errorBox, make("div", { class: "progress" }, progress, where),
    make("section", { class: "panel run" },
      make("div", { class: "stage" }, word("h2", "run_samples"), none, image, text,
        make("p", { class: "field inline" }, word("label", "run_sample", { for: "tinygan-sample" }), sampleSelect)),
      make("div", { class: "side" }, word("h2", "run_curves"), charts, said)));
  el.append(root);

  const look = () => {
    clearTimeout(timer);
    model.send({ do: "look", log: run.log, sample: wanted, have: run.have });
  };

  function hear(header, buffers) {
    clearTimeout(timer);
    timer = setTimeout(look, LOOK_EVERY);
    failed = header.gone !== undefined ? say("run_gone") : header.error || "";
    if (header.gone === undefined) {
      run.samples = header.samples;
      if (header.recipe) [run.log, run.recipe, run.steps, run.names, run.says, run.rows] = [header.log, header.recipe, header.steps, header.names, header.says, unpack(header, buffers[0]).curves];
      if (header.content) take(header.sample, new Uint8Array(buffers[0].buffer, buffers[0].byteOffset + buffers[0].byteLength - header.content, header.content));
    }
    show();
  }

  function take(name, bytes) {
    run.have = name;
    URL.revokeObjectURL(picture);
    const isText = name.endsWith(".txt");
    if (isText) text.textContent = new TextDecoder().decode(bytes.slice(0, 20000));
    else image.src = picture = URL.createObjectURL(new Blob([bytes.slice()], { type: name.endsWith(".gif") ? "image/gif" : "image/png" }));
    [text.hidden, image.hidden] = [!isText, isText];
    status.textContent = say("run_new_samples", { step: Number(name.match(/\d+/)[0]) });
  }

  /** Rows of one or more columns, where the first of them has a number. */
  function only(columns) {
    const { rows } = run, wide = rows.shape[1], kept = [];
    for (let i = 0; i < rows.shape[0]; i++) if (isFinite(rows[i * wide + columns[0]])) kept.push(rows[i * wide], ...columns.map((c) => rows[i * wide + c]));
    return Object.assign(Float32Array.from(kept), { shape: [kept.length / (1 + columns.length), 1 + columns.length] });
  }

  function show() {
    for (const b of languages.children) b.setAttribute("aria-pressed", b.dataset.language === say.language);
    errorBox.hidden = !failed;
    errorBox.textContent = failed;
    none.hidden = Boolean(run.samples.length);
    sampleSelect.parentNode.hidden = !run.samples.length;
    const options = ["", ...run.samples].join();
    if (sampleSelect.dataset.options !== options || sampleSelect.dataset.said !== say.language) {
      sampleSelect.replaceChildren(make("option", { value: "" }, say("run_newest")), ...[...run.samples].reverse().map((name) => make("option", { value: name }, name)));
      sampleSelect.value = wanted;
      [sampleSelect.dataset.options, sampleSelect.dataset.said] = [options, say.language];
    }
    if (!run.rows) return;
    const wide = run.rows.shape[1], step = run.rows.shape[0] ? run.rows[(run.rows.shape[0] - 1) * wide] : 0;
    root.dataset.step = step;
    title.textContent = say("run_title", { recipe: run.recipe });
    document.title = `${run.recipe} ${step} / ${run.steps}`;
    progress.value = step / run.steps;
    where.textContent = say("run_where", { step, steps: run.steps });
    image.alt = say("run_samples_alt", { recipe: run.recipe, step: Number(run.have.match(/\d+/)?.[0] ?? 0) });
    const losses = run.names.filter((name) => name === "d_loss" || name === "g_loss");
    const groups = [...(losses.length ? [losses] : []), ...run.names.filter((name) => !losses.includes(name)).map((name) => [name])];
    while (charts.children.length > groups.length) charts.lastChild.remove();
    groups.forEach((names, i) => {
      const rows = only(names.map((name) => 1 + run.names.indexOf(name))), last = (c) => number(rows[(rows.shape[0] - 1) * rows.shape[1] + c + 1], 3);
      if (!charts.children[i]) charts.append(make("figure", {}, make("figcaption"), make("canvas", { class: "curves low", role: "img" })));
      const [caption, canvas] = charts.children[i].children, says = names.map((name, c) => `${name} ${last(c)}`).join(" · ");
      caption.textContent = says;
      canvas.setAttribute("aria-label", say("run_chart", { says, step }));
      drawCurves(canvas, rows, names.map((name, c) => ({ column: c + 1, colour: losses.length && i === 0 ? [colours.real, colours.fake][c] : colours.accent })), colours);
    });
    said.replaceChildren(...run.says.map((sentence) => make("li", {}, sentence)));
  }

  const recolour = () => { colours = readColours(root); show(); };
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  new ResizeObserver(show).observe(root);
  model.on("msg:custom", hear);
  say.all();
  recolour();
  look();
}

export default { render: ({ model, el }) => (model.get("view") === "run" ? runView : labView)(model, el) };
