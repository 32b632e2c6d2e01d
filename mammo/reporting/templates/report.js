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
  const range = (values) => values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [255, 0]);
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
    const symbol = lesion.label === "malignant" ? "\u25b2" : "\u25cf";
    const label = make("span", { className: lesion.label, textContent: `${symbol} ${lesion.label}` });
    const details = [lesion.view, lesion.finding, lesion.split].filter(Boolean).join(", ");
    const button = make("button", { type: "button", className: "card" }, thumbnail(lesion), label,
      make("strong", { textContent: lesion.score.toFixed(3) }), make("small", { textContent: details }));
    button.dataset.lesion = lesion.id;
    button.setAttribute("aria-label", `open ${lesion.label} lesion, score ${lesion.score.toFixed(3)}, ${details}`);
    button.addEventListener("click", () => open(index));
    return button;
  }
  function bounds(lesion) {
    const outline = data.images[lesion.image].outlines.find((o) => o.lesion === lesion.id);
    const points = outline.rings.flat();
    const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
    return { x0: Math.min(...xs), x1: Math.max(...xs), y0: Math.min(...ys), y1: Math.max(...ys) };
  }
  function thumbnail(lesion) {  // an element that the browser draws by itself, on the screen and on paper
    const b = bounds(lesion), image = data.images[lesion.image];
    const side = Math.min(Math.max(2.2 * Math.max(b.x1 - b.x0, b.y1 - b.y0), W / 7), W);
    const x = Math.min(Math.max((b.x0 + b.x1 - side) / 2, 0), W - side), y = Math.min(Math.max((b.y0 + b.y1 - side) / 2, 0), H - side);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `${x} ${y} ${side} ${side}`);
    draw("image", { href: image.src, width: W, height: H, preserveAspectRatio: "none" }, svg);
    drawOutline(image.outlines.find((o) => o.lesion === lesion.id), lesion.label, svg);
    return svg;
  }
  function drawOutline(outline, className, parent) {
    for (const ring of outline.rings) draw("polygon", { points: ring.map((p) => p.join(",")).join(" "), class: className }, parent);
  }

  // The viewer: one lesion on its mammogram. The address of the page names the lesion that is open.
  const address = (lesion) => "#lesion-" + encodeURIComponent(lesion.id);
  function openNamed() {
    const named = data.lesions.find((l) => address(l) === location.hash);
    if (!named) return;
    if (!shown.includes(named)) {
      for (const select of document.querySelectorAll("#controls select[data-field]")) select.value = "*";
      list();
    }
    open(shown.indexOf(named));
  }
  function open(index) {
    current = (index + shown.length) % shown.length;
    const lesion = shown[current], image = data.images[lesion.image];
    $("title").textContent = `${lesion.label} lesion ${lesion.id}, ${current + 1} of ${shown.length}`;
    $("link").href = address(lesion);
    history.replaceState(null, "", address(lesion));
    if (!$("viewer").open) $("viewer").showModal();
    $("image").src = image.src;
    drawOverlays(lesion, image);
    drawViews(lesion);
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
      drawOutline(outline, className, $("layer-outline"));
    }
    const grids = { malignant: image.malignant, benign: image.benign, location: lesion.location };
    const decoded = Object.fromEntries(Object.entries(grids).map(([name, text]) => [name, text === null ? null : bytes(text)]));
    for (const [name, values] of Object.entries(decoded)) {
      paintGrid($("layer-" + name), values, COLORS[name], values === null ? [0, 0] : range(values));
      document.querySelector(`#toggles input[value=${name}]`).disabled = values === null;
    }
    const share = (values) => range(values).map((v) => (v / 255).toFixed(2)).join(" to ");
    const saliency = decoded.malignant === null ? "This model reads no saliency maps." :
      `Each map is drawn from its minimum to its maximum on this image: S_m ${share(decoded.malignant)}, S_b ${share(decoded.benign)}.`;
    $("maps-caption").textContent = `${saliency} I: mean over the ${lesion.windows.length} windows.`;
  }
  function drawViews(lesion) {  // the other images of the exam: where they are read for the lesion
    $("views").replaceChildren(...lesion.views.map((view, index) => {
      const panel = make("div", { className: "view" });
      panel.style.aspectRatio = `${W} / ${H}`;
      if (view.image) {
        const image = data.images[view.image], canvas = make("canvas", {}), values = image.malignant === null ? null : bytes(image.malignant);
        paintGrid(canvas, values, COLORS.malignant, values === null ? [0, 0] : range(values));
        panel.append(make("img", { src: image.src, alt: "" }), canvas);
        drawPlace(view, lesion.label, `box-${index}`, draw("svg", { viewBox: `0 0 ${W} ${H}` }, panel));
      }
      if (view.missing) panel.append(make("p", { textContent: view.missing }));
      return make("figure", {}, panel, make("figcaption", { textContent: [view.title, view.words].filter(Boolean).join(". ") }));
    }));
    $("views-caption").hidden = !lesion.views.some((view) => view.image);
    show();
  }
  function drawPlace(view, label, name, svg) {
    if (view.arc) {
      const [cx, cy] = view.nipple, [x0, y0, x1, y1] = view.box;
      draw("rect", { x: x0, y: y0, width: x1 - x0, height: y1 - y0 }, draw("clipPath", { id: name }, svg));
      const circle = (r) => `M ${cx - r} ${cy} a ${r} ${r} 0 1 0 ${2 * r} 0 a ${r} ${r} 0 1 0 ${-2 * r} 0`;
      draw("path", { d: view.arc.map(circle).join(" "), class: "arc" }, draw("g", { "clip-path": `url(#${name})` }, svg));
    }
    drawOutline(view, `${label} there`, svg);
    if (view.nipple) draw("circle", { cx: view.nipple[0], cy: view.nipple[1], r: W / 40, class: "nipple" }, svg);
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
    if (lesion.with_others !== null) models.push(["other images", lesion.with_others]);
    const scores = models.map(([name, value]) => {
      const bar = make("meter", { min: 0, max: 1, value: value ?? 0 });
      bar.setAttribute("aria-label", `score ${name}`);
      return make("div", { className: "score" }, make("span", { textContent: name }), bar, make("strong", { textContent: number(value) }));
    });
    $("scores").replaceChildren(make("p", { className: "small", textContent: "Score, 0 to 1: the higher, the more likely malignant. It is not a probability." }), ...scores);
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
    const hidden = $("layer-malignant").classList.contains("off");
    for (const canvas of document.querySelectorAll(".view canvas")) canvas.classList.toggle("off", hidden);
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
  $("viewer").addEventListener("close", () => {
    history.replaceState(null, "", location.pathname + location.search);
    document.querySelector(`.card[data-lesion="${CSS.escape(shown[current].id)}"]`)?.focus();
  });
  const buttons = { previous: () => open(current - 1), next: () => open(current + 1), close: () => $("viewer").close(), in: () => zoom(1.25), out: () => zoom(0.8), whole: () => fit(), near };
  for (const [id, act] of Object.entries(buttons)) $(id).addEventListener("click", act);
  followPointers();
  window.addEventListener("resize", () => { if ($("viewer").open) fit(); });
  window.addEventListener("hashchange", openNamed);
  openNamed();
})();
