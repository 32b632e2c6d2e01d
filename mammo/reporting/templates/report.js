"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const { height: H, width: W, rows, cols } = data.frame;
  const FACTS = { ...data.fields, exam: "Exam", image: "Image" };
  const COLORS = { malignant: [213, 94, 0], benign: [0, 158, 115], location: [240, 228, 66] };
  const error = (l) => (l.label === "malignant" ? 1 - l.score : l.score);
  const change = (l) => (l.without === null ? -1 : Math.abs(l.score - l.without));
  const ORDERS = {
    error: (a, b) => error(b) - error(a), correct: (a, b) => error(a) - error(b),
    high: (a, b) => b.score - a.score, low: (a, b) => a.score - b.score,
    context: (a, b) => change(b) - change(a), spread: (a, b) => b.sd - a.sd,
  };
  const images = new Map();
  let shown = [], current = -1, view = { scale: 1, x: 0, y: 0 };

  function make(tag, properties, ...children) {
    const element = document.createElement(tag);
    Object.assign(element, properties);
    element.append(...children);
    return element;
  }
  function draw(tag, attributes, parent) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    parent.append(element);
    return element;
  }
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const number = (x) => (x === null ? "not run" : x.toFixed(3));

  // The gallery: filters, order, cards.
  function addFilters() {
    for (const [field, name] of Object.entries(data.fields)) {
      const values = [...new Set(data.lesions.map((l) => l[field]))].sort();
      if (values.length < 2) continue;
      const options = values.map((v) => make("option", { value: v, textContent: v || "unknown" }));
      const select = make("select", { id: "filter-" + field }, make("option", { value: "*", textContent: "all" }), ...options);
      select.dataset.field = field;
      select.addEventListener("change", list);
      $("controls").append(make("label", {}, name + " ", select));
    }
  }
  function list() {
    const filters = [...document.querySelectorAll("#controls select[data-field]")].filter((s) => s.value !== "*");
    shown = data.lesions.filter((l) => filters.every((s) => l[s.dataset.field] === s.value));
    shown.sort((a, b) => ORDERS[$("sort").value](a, b) || (a.id < b.id ? -1 : 1));
    $("count").textContent = `${shown.length} of ${data.lesions.length} lesions`;
    $("cards").replaceChildren(...shown.map(card));
  }
  function card(lesion, index) {
    const thumbnail = make("canvas", { width: 144, height: 144 });
    const symbol = lesion.label === "malignant" ? "\u25b2" : "\u25cf";
    const label = make("span", { className: lesion.label, textContent: `${symbol} ${lesion.label}` });
    const details = [lesion.view, lesion.finding, lesion.split].filter(Boolean).join(", ");
    const button = make("button", { type: "button", className: "card" }, thumbnail, label,
      make("strong", { textContent: lesion.score.toFixed(3) }), make("small", { textContent: details }));
    button.dataset.lesion = lesion.id;
    button.setAttribute("aria-label", `open ${lesion.label} lesion, score ${lesion.score.toFixed(3)}, ${details}`);
    button.addEventListener("click", () => open(index));
    visible.observe(thumbnail);
    thumbnail.lesion = lesion;
    return button;
  }
  const visible = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((e) => e.isIntersecting)) {
      visible.unobserve(entry.target);
      paintThumbnail(entry.target, entry.target.lesion);
    }
  }, { rootMargin: "300px" });
  function imageOf(id) {
    if (!images.has(id)) {
      const image = new Image();
      image.src = data.images[id].src;
      images.set(id, image.decode().then(() => image));
    }
    return images.get(id);
  }
  function bounds(lesion) {
    const outline = data.images[lesion.image].outlines.find((o) => o.lesion === lesion.id);
    const points = outline.rings.flat();
    const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
    return { x0: Math.min(...xs), x1: Math.max(...xs), y0: Math.min(...ys), y1: Math.max(...ys) };
  }
  async function paintThumbnail(canvas, lesion) {
    const image = await imageOf(lesion.image);
    const b = bounds(lesion), context = canvas.getContext("2d"), k = image.naturalWidth / W;
    const side = Math.min(Math.max(2.2 * Math.max(b.x1 - b.x0, b.y1 - b.y0), W / 7), W);
    const x = Math.min(Math.max((b.x0 + b.x1 - side) / 2, 0), W - side), y = Math.min(Math.max((b.y0 + b.y1 - side) / 2, 0), H - side);
    context.drawImage(image, x * k, y * k, side * k, side * k, 0, 0, 144, 144);
    context.strokeStyle = lesion.label === "malignant" ? "#ff8a4a" : "#5fe0b0";
    context.lineWidth = 1.5;
    if (lesion.label !== "malignant") context.setLineDash([4, 3]);
    for (const ring of data.images[lesion.image].outlines.find((o) => o.lesion === lesion.id).rings) {
      context.beginPath();
      for (const [px, py] of ring) context.lineTo(((px - x) * 144) / side, ((py - y) * 144) / side);
      context.closePath();
      context.stroke();
    }
  }

  // The viewer: one lesion on its mammogram.
  async function open(index) {
    current = (index + shown.length) % shown.length;
    const lesion = shown[current], image = data.images[lesion.image];
    $("title").textContent = `${lesion.label} lesion ${lesion.id}, ${current + 1} of ${shown.length}`;
    if (!$("viewer").open) $("viewer").showModal();
    $("image").src = image.src;
    drawOverlays(lesion, image);
    drawScores(lesion);
    drawHistogram(lesion);
    const facts = Object.entries(FACTS).filter(([field]) => lesion[field]);
    $("facts").replaceChildren(...facts.flatMap(([field, name]) => [make("dt", { textContent: name }), make("dd", { textContent: lesion[field] })]));
    fit();
    $("stage").focus();
  }
  function drawOverlays(lesion, image) {
    $("drawing").setAttribute("viewBox", `0 0 ${W} ${H}`);
    $("layer-windows").replaceChildren();
    $("layer-outline").replaceChildren();
    for (const [x, y, side] of lesion.windows) draw("rect", { x: x - side / 2, y: y - side / 2, width: side, height: side }, $("layer-windows"));
    for (const outline of image.outlines) {
      const className = `${outline.label}${outline.lesion === lesion.id ? "" : " other"}`;
      for (const ring of outline.rings) draw("polygon", { points: ring.map((p) => p.join(",")).join(" "), class: className }, $("layer-outline"));
    }
    const grids = { malignant: image.malignant, benign: image.benign, location: lesion.location };
    const decoded = Object.fromEntries(Object.entries(grids).map(([name, text]) => [name, text === null ? null : bytes(text)]));
    const range = (values) => values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [255, 0]);
    for (const [name, values] of Object.entries(decoded)) {
      paintGrid($("layer-" + name), values, COLORS[name], values === null ? [0, 0] : range(values));
      document.querySelector(`#toggles input[value=${name}]`).disabled = values === null;
    }
    const share = (values) => range(values).map((v) => (v / 255).toFixed(2)).join(" to ");
    const saliency = decoded.malignant === null ? "This model reads no saliency maps." :
      `Each map is drawn from its minimum to its maximum on this image: S_m ${share(decoded.malignant)}, S_b ${share(decoded.benign)}.`;
    $("maps-caption").textContent = `${saliency} I: mean over the ${lesion.windows.length} windows.`;
  }
  function paintGrid(canvas, values, color, [low, high]) {
    canvas.width = cols;
    canvas.height = rows;
    if (values === null) return;
    const context = canvas.getContext("2d"), pixels = context.createImageData(cols, rows);
    values.forEach((value, i) => pixels.data.set([...color, Math.round((200 * (value - low)) / Math.max(high - low, 1))], 4 * i));
    context.putImageData(pixels, 0, 0);
  }
  function drawScores(lesion) {
    const models = [["with context", lesion.score], ["without context", lesion.without]];
    const scores = models.map(([name, value]) => {
      const bar = make("meter", { min: 0, max: 1, value: value ?? 0 });
      bar.setAttribute("aria-label", `score ${name}`);
      return make("div", { className: "score" }, make("span", { textContent: name }), bar, make("strong", { textContent: number(value) }));
    });
    $("scores").replaceChildren(make("p", { className: "small", textContent: "Score: probability of malignancy, 0 to 1" }), ...scores);
  }
  function drawHistogram(lesion) {
    const svg = $("histogram"), counts = new Array(20).fill(0);
    for (const s of lesion.scores) counts[Math.min(19, Math.floor(s * 20))] += 1;
    const top = Math.max(...counts);
    svg.replaceChildren();
    counts.forEach((n, i) => draw("rect", { x: 10 + i * 15, y: 95 - (85 * n) / top, width: 14, height: (85 * n) / top, class: "bar" }, svg));
    draw("line", { x1: 10, x2: 310, y1: 95.5, y2: 95.5, class: "axis" }, svg);
    draw("line", { x1: 10 + 300 * lesion.score, x2: 10 + 300 * lesion.score, y1: 4, y2: 95, class: "mean" }, svg);
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) draw("text", { x: 10 + 300 * tick, y: 112 }, svg).textContent = tick;
    $("histogram-caption").textContent = `Scores of the ${lesion.scores.length} windows; the tallest bar holds ${top}. Dashed: mean, ${number(lesion.score)}; standard deviation ${number(lesion.sd)}.`;
  }

  // Zoom, pan, toggles, keys.
  function place() {
    $("layers").style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    $("stage").style.setProperty("--line", `${1.4 / view.scale}px`);
  }
  function fit(box = { x0: 0, y0: 0, x1: W, y1: H }) {
    const { clientWidth: w, clientHeight: h } = $("stage");
    view.scale = Math.min(w / (box.x1 - box.x0), h / (box.y1 - box.y0));
    view.x = w / 2 - (view.scale * (box.x0 + box.x1)) / 2;
    view.y = h / 2 - (view.scale * (box.y0 + box.y1)) / 2;
    place();
  }
  function near() {
    const b = bounds(shown[current]), reach = Math.max(b.x1 - b.x0, b.y1 - b.y0, W / 12);
    fit({ x0: b.x0 - reach, x1: b.x1 + reach, y0: b.y0 - reach, y1: b.y1 + reach });
  }
  function zoom(factor, x = $("stage").clientWidth / 2, y = $("stage").clientHeight / 2) {
    const smallest = Math.min($("stage").clientWidth / W, $("stage").clientHeight / H) / 2;
    const scale = Math.min(Math.max(view.scale * factor, smallest), smallest * 80);
    view = { scale, x: x - ((x - view.x) * scale) / view.scale, y: y - ((y - view.y) * scale) / view.scale };
    place();
  }
  function toggle(name) {
    const box = document.querySelector(`#toggles input[value=${name}]`);
    if (!box.disabled) box.checked = !box.checked;
    show();
  }
  function show() {
    for (const box of document.querySelectorAll("#toggles input")) $("layer-" + box.value).classList.toggle("off", !box.checked || box.disabled);
  }
  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    const letters = { o: "outline", w: "windows", m: "malignant", b: "benign", i: "location" };
    if (event.shiftKey && moves[event.key]) {
      view.x += moves[event.key][0];
      view.y += moves[event.key][1];
      place();
    } else if (event.key === "ArrowLeft") open(current - 1);
    else if (event.key === "ArrowRight") open(current + 1);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else if (event.key === "l") near();
    else if (letters[event.key]) toggle(letters[event.key]);
    else return;
    event.preventDefault();
  }
  function followPointers() {
    const stage = $("stage"), down = new Map();
    const middle = () => [...down.values()].reduce((sum, p) => [sum[0] + p[0] / down.size, sum[1] + p[1] / down.size], [0, 0]);
    const distance = () => { const [a, b] = [...down.values()]; return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0; };
    stage.addEventListener("pointerdown", (e) => { down.set(e.pointerId, [e.offsetX, e.offsetY]); stage.setPointerCapture(e.pointerId); });
    stage.addEventListener("pointermove", (e) => {
      if (!down.has(e.pointerId)) return;
      const box = stage.getBoundingClientRect(), [before, far] = [middle(), distance()];
      down.set(e.pointerId, [e.clientX - box.left, e.clientY - box.top]);
      const after = middle();
      if (far) zoom(distance() / far, ...after);
      view.x += after[0] - before[0];
      view.y += after[1] - before[1];
      place();
    });
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (e) => down.delete(e.pointerId));
    stage.addEventListener("wheel", (e) => {
      const box = stage.getBoundingClientRect();
      zoom(Math.exp(-e.deltaY / 400), e.clientX - box.left, e.clientY - box.top);
      e.preventDefault();
    }, { passive: false });
  }

  $("layers").style.width = `${W}px`;
  $("layers").style.height = `${H}px`;
  addFilters();
  $("sort").addEventListener("change", list);
  $("gallery").hidden = false;
  list();
  show();
  $("toggles").addEventListener("change", show);
  $("viewer").addEventListener("keydown", key);
  $("viewer").addEventListener("close", () => document.querySelector(`.card[data-lesion="${CSS.escape(shown[current].id)}"]`)?.focus());
  const buttons = { previous: () => open(current - 1), next: () => open(current + 1), close: () => $("viewer").close(), in: () => zoom(1.25), out: () => zoom(0.8), whole: () => fit(), near };
  for (const [id, act] of Object.entries(buttons)) $(id).addEventListener("click", act);
  followPointers();
  window.addEventListener("resize", () => { if ($("viewer").open) fit(); });
})();
