// Buttons and keys of the page: tools, what can be done with an image, layouts.

import { button, byId } from "./elements.js";
import { LAYOUTS } from "./hanging.js";
import { arrow, toggle, zoom } from "./tools.js";

/**
 * @typedef {import("./sketch.js").Tool} Tool
 * @typedef {import("./stage.js").Stage} Stage
 * @typedef {[key: string, label: string, act: (stage: Stage) => void]} Action
 */

/** @type {[tool: Tool, label: string, hint: string][]} */
const TOOLS = [
  ["pan", "Move", "drag, or arrow keys; with two fingers also zoom"],
  ["levels", "Window", "drag right for width, up for a brighter image; or arrow keys"],
  ["polygon", "Polygon", "click each corner; close it by Enter or a click on the first. Arrow keys and Space do the same"],
  ["box", "Box", "drag from corner to corner; or Space, arrow keys, Space"],
  ["freehand", "Freehand", "drag around the lesion; or Space, arrow keys, Space"],
  ["circle", "Circle", "drag from the center to the rim; or Space, arrow keys, Space"],
  ["edit", "Edit", "drag a corner, or an edge of a polygon for a new corner; or Space near it, arrow keys, Space"],
  ["ruler", "Ruler", "drag; or Space, arrow keys, Space"],
];

/** @type {Action[]} */
const OF_IMAGE = [
  ["f", "Fit", ({ active }) => active.fit()],
  ["t", "True pixels", ({ active }) => zoom(active, 1)],
  ["+", "Larger", ({ active }) => zoom(active, active.view.scale * 1.25)],
  ["-", "Smaller", ({ active }) => zoom(active, active.view.scale * 0.8)],
  ["i", "Invert", ({ active }) => active.invert()],
  ["r", "Reset window", ({ active }) => active.resetLevels()],
  ["m", "Magnifier", (stage) => stage.magnify()],
  ["z", "Undo", ({ active }) => active.sketch.undo()],
  ["y", "Redo", ({ active }) => active.sketch.redo()],
  ["Delete", "Clear", ({ active }) => active.sketch.setOutline(null)],
];

/** @type {Action[]} */
const OF_PANES = [
  ["n", "Next image", (stage) => stage.next()],
  ["h", "Hang", (stage) => stage.hang()],
  ["k", "Link", (stage) => stage.link(!stage.isLinked)],
];

const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
});

/** @type {[key: string, what: string][]} */
const OTHER_KEYS = [
  ["l", "next layout: 1, 2 or 4 images"],
  ["Tab", "to the next image on the screen, and on to the buttons"],
  ["arrow keys", "move image, window or cursor; with Shift ten times as far"],
  ["Space", "press or release the tool at the cursor"],
  ["Enter", "close the polygon, then score"],
  ["Escape", "give up the polygon"],
];

/**
 * Make the buttons of a stage, list its keys and listen to them.
 * @param {Stage} stage
 * @param {() => void} score called by Enter where no polygon is begun
 */
export function makeControls(stage, score) {
  for (const [n, [tool, label, hint]] of TOOLS.entries()) {
    const made = button("modes", label, `${n + 1}: ${hint}`, () => choose(stage, tool));
    made.dataset.tool = tool;
  }
  for (const [id, actions] of /** @type {[string, Action[]][]} */ ([["actions", OF_IMAGE], ["panes", OF_PANES]])) {
    for (const [key, label, act] of actions) button(id, label, `key ${key}`, () => perform(stage, act)).dataset.key = key;
  }
  for (const layout of LAYOUTS) {
    const made = button("layouts", String(layout), `${layout} at once; key l`, () => stage.show(layout));
    made.dataset.layout = String(layout);
    made.setAttribute("aria-label", `${layout} image${layout > 1 ? "s" : ""} at once`);
  }
  listKeys();
  document.addEventListener("keydown", (event) => {
    if (isForStage(event) && press(stage, event, score)) event.preventDefault();
  });
  choose(stage, "pan");
  showLayout(stage);
}

/**
 * Show which layout is chosen, and whether panes are linked.
 * @param {Stage} stage
 */
export function showLayout({ layout, isLinked }) {
  for (const one of byId("layouts").querySelectorAll("button")) {
    one.setAttribute("aria-pressed", String(one.dataset.layout === String(layout)));
  }
  byId("panes").querySelector("[data-key=k]")?.setAttribute("aria-pressed", String(isLinked));
}

/**
 * @param {Stage} stage
 * @param {Tool} tool
 */
function choose(stage, tool) {
  stage.choose(tool);
  for (const one of byId("modes").querySelectorAll("button")) {
    one.setAttribute("aria-pressed", String(one.dataset.tool === tool));
  }
  byId("hint").textContent = TOOLS.find(([name]) => name === tool)?.[2] ?? "";
  stage.place.dataset.tool = tool;
}

/**
 * @param {Stage} stage
 * @param {(stage: Stage) => void} act
 */
function perform(stage, act) {
  act(stage);
  stage.active.draw();
  showLayout(stage);
}

/**
 * Whether a key is not for a field of the page or the browser.
 * @param {KeyboardEvent} event
 */
function isForStage({ target, key, altKey, ctrlKey, metaKey }) {
  if (byId("ask").open) return false;
  if (altKey || ((ctrlKey || metaKey) && !/^[zy]$/i.test(key))) return false;
  return !/^(INPUT|SELECT|TEXTAREA|SUMMARY)$/.test(/** @type {Element} */ (target).tagName);
}

/**
 * Do what a key stands for; whether there is something.
 * @param {Stage} stage
 * @param {KeyboardEvent} event
 * @param {() => void} score
 */
function press(stage, event, score) {
  const { active } = stage;
  const key = event.key === "Z" && event.shiftKey ? "y" : event.key === "Backspace" ? "z" : event.key;
  const action = [...OF_PANES, ...OF_IMAGE].find(([name]) => name === key || name === key.toLowerCase());
  const tool = TOOLS[Number(key) - 1];
  if (key.toLowerCase() === "l") stage.show(LAYOUTS[(LAYOUTS.findIndex((n) => n === stage.layout) + 1) % LAYOUTS.length]);
  else if (tool) choose(stage, tool[0]);
  else if (action) perform(stage, action[2]);
  else return event.target === active.place && active.image !== null && pressAtCursor(stage, event, score);
  return true;
}

/**
 * @param {Stage} stage
 * @param {KeyboardEvent} event on the active pane
 * @param {() => void} score
 */
function pressAtCursor(stage, { key, shiftKey }, score) {
  const { active, tool } = stage;
  if (ARROWS[key]) arrow(active, tool, ...ARROWS[key], shiftKey);
  else if (key === " ") toggle(active, tool);
  else if (key === "Enter") active.sketch.close() || score();
  else if (key === "Escape") active.sketch.giveUp();
  else return false;
  active.draw();
  return true;
}

function listKeys() {
  const actions = [...OF_IMAGE, ...OF_PANES].map(([key, label]) => [key, label]);
  const rows = [...TOOLS.map(([, label], n) => [String(n + 1), label]), ...actions, ...OTHER_KEYS];
  for (const [key, what] of rows) {
    const term = document.createElement("dt");
    const meaning = document.createElement("dd");
    [term.textContent, meaning.textContent] = [key, what];
    byId("key-list").append(term, meaning);
  }
}
