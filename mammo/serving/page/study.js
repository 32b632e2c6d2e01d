// The page of a reader study: shows case after case, and sends the reader's answers.

import { button, byId, line, say } from "./elements.js";
import * as server from "./server.js";
import { Stage } from "./stage.js";
import { describe } from "./step.js";
import { Stopwatch } from "./stopwatch.js";
import { arrow, toggle, zoom } from "./tools.js";

/**
 * @typedef {import("./step.js").Progress} Progress
 * @typedef {import("./step.js").Step} Step
 */

const stopwatch = new Stopwatch();
const stage = new Stage(byId("stage"), { outline: () => {}, drawn, active: () => {}, layout: () => {} });

/** @type {[key: string, tool: import("./sketch.js").Tool, label: string, hint: string][]} */
const TOOLS = [
  ["v", "pan", "Move", "drag, or arrow keys on the image; the wheel zooms"],
  ["w", "levels", "Window", "drag right for width, up for a brighter image; or arrow keys on the image"],
  ["l", "ruler", "Ruler", "drag; or on the image Space, arrow keys, Space"],
];

/** @type {[key: string, label: string, act: () => void][]} */
const ACTIONS = [
  ["f", "Fit", () => stage.active.fit()],
  ["t", "True pixels", () => zoom(stage.active, 1)],
  ["+", "Larger", () => zoom(stage.active, stage.active.view.scale * 1.25)],
  ["-", "Smaller", () => zoom(stage.active, stage.active.view.scale * 0.8)],
  ["i", "Invert", () => stage.active.invert()],
  ["r", "Reset window", () => stage.active.resetLevels()],
  ["m", "Magnifier", () => stage.magnify()],
  ["o", "Outline", () => outline(!isOutlined)],
];
const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
});

const WHEN = /** @type {const} */ ({
  year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short",
});
const WAIT_MS = [1000, 60_000];

/** What a reader of a study is not to know of an image. */
const UNNAMED = { name: "", patient: "", exam: "" };

/** @type {Progress | null} */
let progress = null;
/** @type {Step | null} */
let step = null;
let waiting = 0;
let isOutlined = true;
let isBusy = false;

function drawn() {
  const { view, levels } = stage.active;
  const zoomed = `${(100 * view.scale).toFixed(0)} % of true pixels`;
  const center = (levels.low + levels.high) / 2;
  const inverted = levels.inverted ? ", inverted" : "";
  byId("state").textContent = `${zoomed} · window ${levels.high - levels.low}, level ${center}${inverted}`;
}

/**
 * Show or hide the outline of the lesion.
 * @param {boolean} isShown
 */
function outline(isShown) {
  if (!step) return;
  isOutlined = isShown;
  stage.active.sketch.setOutline(isShown ? { kind: "known", points: step.outline, number: 0, name: "lesion" } : null);
  stage.active.draw();
}

/**
 * Do one thing at a time, and show its error.
 * @param {() => Promise<void>} work
 */
async function busy(work) {
  if (isBusy) return;
  isBusy = true;
  byId("next").disabled = byId("start").disabled = true;
  try {
    await work();
  } catch (error) {
    say(/** @type {Error} */ (error).message);
  } finally {
    isBusy = false;
    byId("next").disabled = byId("start").disabled = false;
    if (!byId("pause").hidden) byId("start").focus();
  }
}

/**
 * Ask again when the next session opens, and each minute until then.
 * @param {string | null} opens
 */
function waitFor(opens) {
  clearTimeout(waiting);
  if (!opens) return;
  const left = new Date(opens).getTime() - Date.now();
  waiting = setTimeout(async () => {
    try {
      enter(await server.read("/api/study"));
      say("");
    } catch (error) {
      say(/** @type {Error} */ (error).message);
      waitFor(opens);
    }
  }, Math.min(Math.max(left, WAIT_MS[0]), WAIT_MS[1]));
}

/** @param {Progress} found */
function pause(found) {
  progress = found;
  step = null;
  stage.active.close();
  stage.active.place.setAttribute("aria-label", "Mammogram, none shown now");
  byId("state").textContent = "";
  byId("case").hidden = true;
  byId("pause").hidden = false;
  const { answered, total, session, n_sessions: sessions, opens } = found;
  const which = sessions > 1 ? `, session ${session} of ${sessions}` : "";
  let text = `${answered} of ${total} answers are given${session ? which : ""}.`;
  if (!session) text = `All ${total} answers are given. Thank you: you may close the page.`;
  else if (opens) {
    text = `Session ${session - 1} is done, ${answered} of ${total} answers are given; session ${session} of ${sessions} opens on ` +
      `${new Date(opens).toLocaleString(undefined, WHEN)}: you may close the page until then, or leave it open, and it goes on.`;
  }
  waitFor(opens);
  byId("pause-text").textContent = text;
  byId("task").hidden = !session || Boolean(opens);
  byId("twice").textContent = sessions > 1 ? "" : "Each case is answered twice, without the score and then with it. ";
  byId("start").hidden = !session || Boolean(opens);
  byId("start").textContent = answered ? "Go on (Enter)" : "Start (Enter)";
}

/**
 * The address of a request of the reader of this window; the server rejects it where another's link was opened since.
 * @param {string} path
 */
const own = (path) => `/api/study/${path}?reader=${encodeURIComponent(progress?.reader ?? "")}`;

/** @param {Progress} found of the reader who begins or goes on */
function enter(found) {
  byId("study").textContent = found.study;
  byId("reader").textContent = `Reader ${found.reader}`;
  byId("use").textContent = found.use;
  byId("phantoms").textContent = found.phantoms;
  pause(found);
}

async function showStep() {
  const before = step;
  const found = /** @type {Step} */ (await server.post(own("step"), {}));
  const isSame = before && before.session === found.session && before.place === found.place;
  const pixels = isSame ? null : await server.pixelsAt(own(`steps/${found.number}/pixels`), found.rows, found.cols);
  step = found;
  if (pixels) {
    stage.active.show({ ...found, key: "", flags: [], problems: [], known: [], no_results: "", ...UNNAMED }, pixels, "");
    stage.active.place.setAttribute("aria-label", "Mammogram with an outlined lesion. Arrow keys move it.");
    outline(true);
  }
  describe(found, progress?.n_sessions ?? 1);
  byId("pause").hidden = true;
  byId("case").hidden = false;
  byId("probability").value = "";
  for (const input of document.querySelectorAll("input[name=decision]")) /** @type {any} */ (input).checked = false;
  byId("probability").focus({ preventScroll: true });
  byId("place").scrollIntoView();
  if (pixels) window.scrollTo(0, 0);  // on a narrow screen the image is above
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  stopwatch.restart();
}

/** The answer that is entered; null, with a sentence, where it is not complete. */
function entered() {
  const text = byId("probability").value.trim().replace(",", ".");
  const decision = /** @type {any} */ (document.querySelector("input[name=decision]:checked"))?.value;
  const probability = Number(text);
  if (!/^(\d+\.?\d*|\.\d+)$/.test(text) || probability > 100) {  // Number reads 0x10 and 1e1, too
    say("Enter a probability from 0 to 100.");
    byId("probability").focus();
    return null;
  }
  if (!decision) {
    say("Choose biopsy (B) or no biopsy (N).");
    return null;
  }
  return { probability, decision };
}

async function next() {
  const answer = entered();
  if (!step || !answer) return;
  const { seconds } = stopwatch;
  say("");
  try {
    await goOn(await server.post(own("answers"), { step: step.number, ...answer, seconds }));
  } catch (error) {
    say(/** @type {Error} */ (error).message);
    const found = await server.read("/api/study");
    if (found.reader !== progress?.reader) return enter(found);  // whose link was opened in another window
    if (step && found.answered !== step.number) await goOn(found);  // it was answered in another window
  }
}

/** @param {Progress} found */
async function goOn(found) {
  const isSession = progress?.session === found.session;
  if (!found.session || found.opens || !isSession) return pause(found);
  progress = found;
  await showStep();
}

/** @param {import("./sketch.js").Tool} tool */
function choose(tool) {
  stage.choose(tool);
  for (const button of byId("modes").children) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  byId("hint").textContent = TOOLS.find(([, name]) => name === tool)?.[3] ?? "";
  stage.place.dataset.tool = tool;
}

/** @param {KeyboardEvent} event */
function keyPressed(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || !step) return;
  const key = event.key.toLowerCase();
  const tool = TOOLS.find(([name]) => name === key);
  const action = ACTIONS.find(([name]) => name === key);
  if (/^[0-9]$/.test(key)) return byId("probability").focus();  // the digit is typed there
  if (key === "b") byId("biopsy").checked = true;
  else if (key === "n") byId("no-biopsy").checked = true;
  else if (tool) choose(tool[1]);
  else if (action) action[2]();
  else if (!pressedOnImage(event)) return;
  event.preventDefault();
}

/**
 * Do what a key stands for on the image; whether there is something.
 * @param {KeyboardEvent} event
 */
function pressedOnImage({ target, key, shiftKey }) {
  const { active, tool } = stage;
  if (target !== active.place) return false;
  if (ARROWS[key]) arrow(active, tool, ...ARROWS[key], shiftKey);
  else if (key === " ") toggle(active, tool);
  else if (key === "Enter") busy(next);
  else return false;
  active.draw();
  return true;
}

function makeTools() {
  for (const [key, tool, label, hint] of TOOLS) {
    button("modes", label, `${key}: ${hint}`, () => choose(tool)).dataset.tool = tool;
  }
  for (const [key, label, act] of ACTIONS) button("actions", label, `key ${key}`, () => step && act());
}

function listKeys() {
  const rows = [
    ["0 to 9", "probability"], ["b, n", "biopsy, no biopsy"], ["Enter", "next"],
    ...TOOLS.map(([key, , label]) => [key, label]), ...ACTIONS.map(([key, label]) => [key, label]),
    ["Tab", "to the image and back; there arrow keys move it, with Shift ten times as far"],
  ];
  for (const [key, what] of rows) byId("key-list").append(line("dt", key), line("dd", what));
}

async function start() {
  makeTools();
  listKeys();
  choose("pan");
  byId("start").addEventListener("click", () => busy(async () => {
    say("");
    await showStep();
  }));
  byId("case").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    busy(next);
  });
  document.addEventListener("keydown", keyPressed);
  await busy(async () => {
    enter(/** @type {Progress} */ (await server.read("/api/study")));
  });
}

start();
