// The page: opens images, has outlines scored, and shows the answer for the active image.

import { showAnswer } from "./answer.js";
import { makeControls, showLayout } from "./controls.js";
import { byId, say } from "./elements.js";
import { listFiles, showOpen } from "./folder.js";
import { showMore } from "./more.js";
import { Opening } from "./opening.js";
import { request } from "./outline.js";
import * as server from "./server.js";
import { Stage } from "./stage.js";

/** @typedef {import("./pane.js").Pane} Pane */

/** What a reader says of a file that does not say it. */
const SAID = ["laterality", "view", "spacing"];

const stage = new Stage(byId("stage"), { outline: outlineChanged, drawn, active: showActive, layout: () => showLayout(stage) });
const opening = new Opening(stage, { begun, ended }, () =>
  Object.fromEntries(SAID.map((id) => [id, byId(id).value.trim()])));

/** @type {any} */
let facts = null;
/** @type {server.ListedFile[]} */
let files = [];

/** @param {Pane} pane */
function drawn(pane) {
  if (pane !== stage.active) return;
  const { view, levels, renderer } = pane;
  const zoom = `${(100 * view.scale).toFixed(0)} % of true pixels`;
  const center = (levels.low + levels.high) / 2;
  byId("state").textContent =
    `${zoom} · window ${levels.high - levels.low}, level ${center}${levels.inverted ? ", inverted" : ""} · ${renderer?.name}`;
}

/** @param {Pane} pane */
function outlineChanged(pane) {
  pane.answer = null;
  showLayers(pane);
  if (pane === stage.active) showActive();
}

/**
 * @param {number} at
 * @param {number} of
 */
function begun(at, of) {
  say("");
  byId("about").textContent = of > 1 ? `Opening image ${at} of ${of}…` : "Opening…";
}

/**
 * @param {string[]} problems
 * @param {boolean} isOpened
 */
function ended(problems, isOpened) {
  showActive();
  if (isOpened && !problems.length) for (const id of SAID) byId(id).value = "";  // the next file is another one
  if (!problems.length) return;
  if (!isOpened && stage.active.image) byId("about").textContent = "The image shown is the one opened before.";
  say(problems.join(" "));
  if (/What the file does not say/.test(problems.join(" "))) byId("said").open = true;
}

/** Show what the page says of the active image, its outline and its answer. */
function showActive() {
  const { image, name, sketch, answer } = stage.active;
  byId("about").textContent = image ? described(image, name) : "";
  showOpen(files, stage);
  if (!image) byId("state").textContent = "";
  stage.active.draw();
  showKnown(image?.known ?? [], sketch.outline);
  byId("outlines").disabled = !image;
  byId("outline-about").textContent = aboutOutline(sketch.outline, image?.known ?? []);
  showScoring();
  byId("answer").hidden = !answer;
  if (image && answer && answer !== shownAnswer) showAnswerOf(image, answer);
  shownAnswer = answer;
}

/** @type {any} */
let shownAnswer = null;

/**
 * @param {server.OpenImage} image
 * @param {any} answer
 */
function showAnswerOf(image, answer) {
  showAnswer(byId("answer-text"), answer, facts);
  byId("json").href = server.resultOf(image.key, "prediction.json", answer);
  byId("png").href = server.resultOf(image.key, "picture.png", answer);
  showMore(byId("more"), image, answer, facts);
}

/**
 * @param {server.OpenImage} image
 * @param {string} name
 */
function described({ name: listed, rows, cols, spacing_mm: spacing, laterality, view, flags, problems }, name) {
  const size = spacing ? `, ${((rows * spacing) / 10).toFixed(1)} x ${((cols * spacing) / 10).toFixed(1)} cm` : "";
  const about = `${listed || name ? `${listed || name}: ` : ""}${laterality === "L" ? "left" : "right"} ${view}, ${rows} x ${cols} px${size}.`;
  return [about, ...flags.map((flag) => `Flagged ${flag}.`), ...problems].join(" ");
}

/**
 * @param {import("./outline.js").Outline | null} outline
 * @param {server.Known[]} known
 */
function aboutOutline(outline, known) {
  if (!outline) return "None yet: choose a tool and draw.";
  if (outline.kind !== "known") return `Your ${outline.kind}.`;
  const isExact = known[outline.number ?? 0]?.is_exact ?? true;
  const drawn = isExact ? "" : " The edge of its largest part is drawn; all of its parts are scored, without its holes.";
  return `${outline.name}, as in its file.${drawn}`;
}

/**
 * @param {server.Known[]} known
 * @param {import("./outline.js").Outline | null} outline
 */
function showKnown(known, outline) {
  byId("known").hidden = !known.length;
  const choices = known.map((one, number) => new Option(one.id, String(number)));
  byId("known-list").replaceChildren(new Option("choose", ""), ...choices);
  byId("known-list").value = outline?.kind === "known" ? String(outline.number) : "";
}

/** @param {number} number of an outline that a file gives */
function chooseKnown(number) {
  const one = stage.active.image?.known[number];
  if (one) stage.active.sketch.setOutline({ kind: "known", points: one.points, number, name: one.id });
  stage.active.draw();
}

/** @param {File} file with outlines */
async function load(file) {
  const pane = stage.active;
  const { image, name } = pane;
  if (!image) return;
  say("");
  try {
    const { known, problems } = await server.outlines(image, name, file);
    const before = image.known.length;
    image.known = known;
    if (pane.image !== image || pane !== stage.active) return;  // another was chosen meanwhile
    chooseKnown(before);
    say(problems.join(" "));
  } catch (error) {
    say(/** @type {Error} */ (error).message);
  }
}

/** Outlines that are being scored. */
const scoring = new Set();

function showScoring() {
  const { outline } = stage.active.sketch;
  byId("score").disabled = !outline || scoring.has(outline);
  byId("score").textContent = scoring.has(outline) ? "Scoring…" : "Score (Enter)";
}

async function score() {
  const pane = stage.active;
  pane.sketch.finish();
  const { image, sketch: { outline } } = pane;
  if (!outline || !image || scoring.has(outline)) return;
  say("");
  scoring.add(outline);
  showScoring();
  let isNew = false;
  try {
    const answer = await server.score(image.key, request(outline));
    if (pane.image === image && pane.sketch.outline === outline) pane.answer = answer;  // neither was changed meanwhile
    isNew = pane.answer === answer && pane === stage.active;
  } catch (error) {
    say(/** @type {Error} */ (error).message);
  } finally {
    scoring.delete(outline);
    showLayers(pane);
    showActive();
    if (isNew) byId("answer-title").scrollIntoView();
  }
}

/** @param {Pane} pane */
function showLayers(pane) {
  pane.windows = pane.answer && byId("show-windows").checked ? pane.answer.windows : [];
  pane.saliency = pane.answer?.saliency ?? null;
  pane.mapName = /** @type {HTMLInputElement} */ (document.querySelector("input[name=map]:checked")).value;
  pane.draw();
}

/**
 * Call with the files of an input, which can be chosen again afterwards, with other details.
 * @param {string} id
 * @param {(files: File[]) => void} use
 */
function listenToFiles(id, use) {
  byId(id).addEventListener("change", () => {
    const files = [...byId(id).files];
    byId(id).value = "";
    if (files.length) use(files);
  });
}

function listen() {
  listenToFiles("file", (files) => opening.files(files));
  listenToFiles("outlines", ([file]) => load(file));
  stage.place.addEventListener("dragover", (event) => event.preventDefault());
  stage.place.addEventListener("drop", (event) => {
    event.preventDefault();
    const files = [...(event.dataTransfer?.files ?? [])];
    const pane = stage.panes.find(({ place }) => place.contains(/** @type {Node} */ (event.target)));
    if (files.length) opening.files(files, pane);
  });
  byId("score").addEventListener("click", score);
  byId("known-list").addEventListener("change", () => {
    if (byId("known-list").value) chooseKnown(Number(byId("known-list").value));
  });
  for (const input of document.querySelectorAll("#show-windows, input[name=map]")) {
    input.addEventListener("change", () => stage.panes.forEach(showLayers));
  }
}

async function start() {
  makeControls(stage, score);
  listen();
  try {
    facts = await server.read("/api/bundle");
    byId("bundle").textContent = `Bundle ${facts.bundle.name}, trained on ${facts.bundle.trained_on.join(", ")}`;
    byId("use").textContent = facts.use;
    byId("phantoms").textContent = facts.phantoms;
    files = await server.read("/api/files");
    listFiles(files, opening);
  } catch (error) {
    say(/** @type {Error} */ (error).message);
  }
}

start();
