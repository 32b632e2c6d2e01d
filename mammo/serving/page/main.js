// The page: opens images, has outlines scored, and shows the answer.

import { showAnswer } from "./answer.js";
import { showMore } from "./more.js";
import { request } from "./outline.js";
import * as server from "./server.js";
import { Stage } from "./stage.js";

/** @param {string} id */
const byId = (id) => /** @type {any} */ (document.getElementById(id));

/** @type {[import("./stage.js").Tool, string, string][]} */
const TOOLS = [
  ["pan", "Move", "drag, or arrow keys"],
  ["levels", "Window", "drag right for width, up for a brighter image; or arrow keys"],
  ["polygon", "Polygon", "click each corner; close it by Enter or a click on the first. Arrow keys and Space do the same"],
  ["box", "Box", "drag from corner to corner; or Space, arrow keys, Space"],
  ["freehand", "Freehand", "drag around the lesion; or Space, arrow keys, Space"],
  ["circle", "Circle", "drag from the center to the rim; or Space, arrow keys, Space"],
  ["edit", "Edit", "drag a corner, or an edge of a polygon for a new corner; or Space near it, arrow keys, Space"],
  ["ruler", "Ruler", "drag; or Space, arrow keys, Space"],
];

const stage = new Stage(outlineChanged, drawn);
/** @type {[string, string, () => void][]} key, label, action */
const ACTIONS = [
  ["f", "Fit", () => stage.fit()],
  ["t", "True pixels", () => stage.zoom(1)],
  ["+", "Larger", () => stage.zoom(stage.view.scale * 1.25)],
  ["-", "Smaller", () => stage.zoom(stage.view.scale * 0.8)],
  ["i", "Invert", () => stage.invert()],
  ["r", "Reset window", () => stage.resetLevels()],
  ["m", "Magnifier", () => stage.magnify()],
  ["z", "Undo", () => stage.undo()],
  ["y", "Redo", () => stage.redo()],
  ["Delete", "Clear", () => stage.setOutline(null)],
];
const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
});

/** @type {any} */
let facts = null;
/** @type {server.OpenImage | null} */
let image = null;
let openings = 0;
let scorings = 0;

/** @param {string} text */
function say(text) {
  byId("message").textContent = text;
  byId("message").hidden = !text;
}

function drawn() {
  const { view, levels, renderer } = stage;
  const zoom = `${(100 * view.scale).toFixed(0)} % of true pixels`;
  const center = (levels.low + levels.high) / 2;
  byId("state").textContent =
    `${zoom} · window ${levels.high - levels.low}, level ${center}${levels.inverted ? ", inverted" : ""} · ${renderer?.name}`;
}

function outlineChanged() {
  const outline = stage.history.current;
  byId("score").disabled = !outline || !image;
  byId("answer").hidden = true;
  stage.windows = [];
  stage.saliency = null;
  scorings += 1;
  byId("outline-about").textContent = !outline
    ? "None yet: choose a tool and draw."
    : outline.kind === "known" ? `The folder's outline ${outline.name}.` : `Your ${outline.kind}.`;
}

/** @param {File | number} file */
async function open(file) {
  const mine = ++openings;
  say("");
  byId("about").textContent = "Opening…";
  try {
    const said = Object.fromEntries(["laterality", "view", "spacing"].map((id) => [id, byId(id).value.trim()]));
    const opened = await server.open(file, said);
    const pixels = await server.pixels(opened);
    if (mine !== openings) return;  // another was chosen meanwhile
    image = opened;
    byId("empty").hidden = true;
    stage.show(pixels, opened.spacing_mm);
    describe(opened, typeof file === "number" ? "" : file.name);
  } catch (error) {
    if (mine !== openings) return;
    byId("about").textContent = image ? "The image shown is the one opened before." : "";
    say(/** @type {Error} */ (error).message);
    if (/What the file does not say/.test(byId("message").textContent)) byId("said").open = true;
  }
}

/**
 * @param {server.OpenImage} opened
 * @param {string} name
 */
function describe({ rows, cols, spacing_mm: spacing, laterality, view, flags, problems, known }, name) {
  const size = spacing ? `, ${((rows * spacing) / 10).toFixed(1)} x ${((cols * spacing) / 10).toFixed(1)} cm` : "";
  const about = `${name ? `${name}: ` : ""}${laterality === "L" ? "left" : "right"} ${view}, ${rows} x ${cols} px${size}.`;
  byId("about").textContent = [about, ...flags.map((flag) => `Flagged ${flag}.`), ...problems].join(" ");
  byId("known").hidden = !known.length;
  const choices = known.map((one, number) => new Option(one.id, String(number)));
  byId("known-list").replaceChildren(new Option("choose", ""), ...choices);
}

async function score() {
  const outline = stage.history.current;
  if (!outline || !image) return;
  const mine = ++scorings;
  say("");
  byId("score").disabled = true;
  byId("score").textContent = "Scoring…";
  try {
    const { key } = image;
    const answer = await server.score(key, request(outline));
    if (mine !== scorings) return;  // the outline has changed meanwhile
    showAnswer(byId("answer-text"), answer, facts);
    byId("json").href = `/api/images/${key}/prediction.json`;
    byId("png").href = `/api/images/${key}/picture.png`;
    showMore(byId("more"), image, answer, facts);
    found = answer;
    byId("answer").hidden = false;
    showLayers();
  } catch (error) {
    if (mine === scorings) say(/** @type {Error} */ (error).message);
  } finally {
    byId("score").textContent = "Score (Enter)";
    byId("score").disabled = !stage.history.current;
  }
}

/** @type {any} */
let found = null;

function showLayers() {
  stage.windows = byId("show-windows").checked ? found.windows : [];
  stage.saliency = found.saliency;
  stage.mapName = /** @type {HTMLInputElement} */ (document.querySelector("input[name=map]:checked")).value;
  stage.draw();
}

/** @param {import("./stage.js").Tool} tool */
function choose(tool) {
  stage.choose(tool);
  for (const button of byId("modes").children) button.setAttribute("aria-checked", String(button.dataset.tool === tool));
  byId("hint").textContent = TOOLS.find(([name]) => name === tool)?.[2] ?? "";
  stage.place.dataset.tool = tool;
}

/** @param {KeyboardEvent} event */
function keyPressed(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const onStage = target === stage.place;
  if (event.altKey || (!onStage && /^(INPUT|SELECT|TEXTAREA|SUMMARY)$/.test(target.tagName))) return;
  if ((event.ctrlKey || event.metaKey) && !/^[zy]$/i.test(event.key)) return;
  if (!image) return;
  const number = Number(event.key);
  const key = event.key === "Z" && event.shiftKey ? "y" : event.key === "Backspace" ? "z" : event.key;
  const action = ACTIONS.find(([name]) => name === key || name === key.toLowerCase())?.[2];
  if (number >= 1 && number <= TOOLS.length) choose(TOOLS[number - 1][0]);
  else if (action) action();
  else if (onStage && ARROWS[event.key]) stage.arrow(...ARROWS[event.key], event.shiftKey);
  else if (onStage && event.key === " ") stage.toggle();
  else if (onStage && event.key === "Enter") stage.close() || score();
  else if (onStage && event.key === "Escape") choose(stage.tool);
  else return;
  event.preventDefault();
}

function listKeys() {
  const rows = [
    ...TOOLS.map(([, label], n) => [String(n + 1), label]),
    ...ACTIONS.map(([key, label]) => [key, label]),
    ["arrow keys", "move image, window or cursor; with Shift ten times as far"],
    ["Space", "press or release the tool at the cursor"],
    ["Enter", "close the polygon, then score"],
    ["Escape", "give up the polygon"],
  ];
  for (const [key, what] of rows) {
    const term = document.createElement("dt");
    const meaning = document.createElement("dd");
    [term.textContent, meaning.textContent] = [key, what];
    byId("key-list").append(term, meaning);
  }
}

function makeTools() {
  TOOLS.forEach(([tool, label, hint], n) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: label, title: `${n + 1}: ${hint}` });
    button.dataset.tool = tool;
    button.setAttribute("role", "radio");
    button.addEventListener("click", () => choose(tool));
    byId("modes").append(button);
  });
  for (const [key, label, action] of ACTIONS) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: label, title: `key ${key}` });
    button.addEventListener("click", () => image && action());
    byId("actions").append(button);
  }
}

/** @param {{name: string, n_outlines: number}[]} files */
function listFiles(files) {
  byId("folder").hidden = !files.length;
  const show = () => {
    const part = byId("search").value.toLowerCase();
    const chosen = files.map(({ name, n_outlines: n }, number) => ({ number, name, n }))
      .filter(({ name }) => name.toLowerCase().includes(part));
    const text = (/** @type {{name: string, n: number}} */ { name, n }) =>
      n ? `${name} (${n} outline${n > 1 ? "s" : ""})` : name;
    byId("files").replaceChildren(...chosen.slice(0, 500).map((one) => new Option(text(one), String(one.number))));
    byId("n-files").textContent = `${chosen.length} of ${files.length} images${chosen.length > 500 ? ", 500 listed" : ""}`;
  };
  byId("search").addEventListener("input", show);
  byId("files").addEventListener("change", () => open(Number(byId("files").value)));
  show();
}

function listen() {
  byId("file").addEventListener("change", () => {
    const [file] = byId("file").files;
    byId("file").value = "";  // the same file can be chosen again, with other details
    if (file) open(file);
  });
  stage.place.addEventListener("dragover", (event) => event.preventDefault());
  stage.place.addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) open(file);
  });
  byId("score").addEventListener("click", score);
  byId("known-list").addEventListener("change", () => {
    const number = Number(byId("known-list").value);
    const one = image?.known[number];
    if (byId("known-list").value && one) stage.setOutline({ kind: "known", points: one.points, number, name: one.id });
  });
  for (const input of document.querySelectorAll("#show-windows, input[name=map]")) {
    input.addEventListener("change", showLayers);
  }
  document.addEventListener("keydown", keyPressed);
}

async function start() {
  makeTools();
  listKeys();
  listen();
  choose("pan");
  try {
    facts = await server.read("/api/bundle");
    byId("bundle").textContent = `${facts.bundle.name}, ${facts.bundle.model}, trained on ${facts.bundle.trained_on.join(", ")}`;
    byId("use").textContent = facts.use;
    byId("phantoms").textContent = facts.phantoms;
    listFiles(await server.read("/api/files"));
  } catch (error) {
    say(/** @type {Error} */ (error).message);
  }
}

start();
