// One image on the screen: its canvases, view and gray levels, and what is drawn on it.

import { byCanvas, rendererOf, replaced } from "./gray.js";
import { drawMap, drawMarks } from "./marks.js";
import { Sketch } from "./sketch.js";
import { fitted, linked, placeOf, recentered } from "./view.js";

/**
 * @typedef {import("./outline.js").Point} Point
 * @typedef {import("./server.js").OpenImage} OpenImage
 * @typedef {{outline: (pane: Pane) => void, view: (pane: Pane) => void, drawn: (pane: Pane) => void}} Listener
 *   called when the outline has changed, when the reader has changed view or gray levels, and after each drawing
 */

const FULL = { low: 0, high: 4095, inverted: false };
const LENS = { size: 220, share: 0.45, scale: 3 };

/** What a pane has before there is an image. */
const EMPTY = {
  renderer: null, lensRenderer: null, image: null, pixels: null, name: "", isFitted: true, cursor: null, pointer: null,
  answer: null, windows: [], saliency: null,
};

export class Pane {
  /** @type {import("./gray.js").Renderer | null} */
  renderer = null;
  /** @type {import("./gray.js").Renderer | null} */
  lensRenderer = null;
  /** @type {OpenImage | null} */
  image = null;
  /** @type {import("./gray.js").Pixels | null} */
  pixels = null;
  /** What the file is called; empty where the folder's list says it. */
  name = "";
  isFitted = true;
  /** @type {Point | null} the keyboard's cursor */
  cursor = null;
  /** @type {Point | null} where the magnifier looks */
  pointer = null;
  /** @type {any} the server's answer for the outline */
  answer = null;
  /** @type {Point[][]} */
  windows = [];
  /** @type {import("./marks.js").Maps | null} */
  saliency = null;

  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("pane"));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.place = /** @type {HTMLElement} */ (copy.firstElementChild);
    this.canvas = /** @type {HTMLCanvasElement} */ (this.#part("gray"));
    this.maps = /** @type {HTMLCanvasElement} */ (this.#part("maps"));
    this.lens = /** @type {HTMLCanvasElement} */ (this.#part("lens"));
    this.marks = /** @type {SVGSVGElement} */ (this.#part("marks"));
    this.withWebgl = new URLSearchParams(location.search).get("renderer") !== "2d";
    this.view = { row: 0, col: 0, scale: 1 };
    this.levels = FULL;
    this.isHung = false;
    this.isEdited = false;
    this.mapName = "";
    this.waits = false;
    this.sketch = this.#blank();
    new ResizeObserver(() => this.resized()).observe(this.place);
  }

  /** @param {string} name */
  #part(name) {
    return /** @type {Element} */ (this.place.querySelector(`.${name}`));
  }

  /** Forget the image, and all that belongs to it. */
  #clear() {
    this.renderer?.free();
    if (this.renderer) this.canvas = replaced(this.canvas);
    Object.assign(this, EMPTY);
    this.sketch = this.#blank();
  }

  #blank() {
    return new Sketch(() => this.listener.outline(this));
  }

  /** Show no image. */
  close() {
    this.#clear();
    this.marks.replaceChildren();
    drawMap(this.maps, this.view, null, "");
    this.lens.width = 0;  // no part of the image stays in the magnifier
    this.#describe();
    this.listener.outline(this);
  }

  /**
   * Show an image.
   * @param {OpenImage} image
   * @param {import("./gray.js").Pixels} pixels
   * @param {string} name
   */
  show(image, pixels, name) {
    this.#clear();
    [this.image, this.pixels, this.name] = [image, pixels, name];
    this.renderer = rendererOf(this.canvas, pixels, this.withWebgl);
    this.canvas = /** @type {HTMLCanvasElement} */ (this.#part("gray"));
    this.canvas.addEventListener("webglcontextlost", (event) => this.#lost(event));
    this.lensRenderer = byCanvas(this.lens, pixels);
    this.levels = FULL;
    this.#describe();
    this.resized();
    this.listener.outline(this);
  }

  /**
   * The browser has taken WebGL away: go on without it.
   * @param {Event} event
   */
  #lost(event) {
    if (event.target !== this.canvas || !this.pixels) return;
    this.canvas = replaced(this.canvas);
    this.renderer = byCanvas(this.canvas, this.pixels);
    this.resized();
  }

  /** What the reader knows the image by: its name in the list, or that of the file. */
  get title() {
    return this.image?.name || this.name;
  }

  /** Whether the reader has drawn an outline here, which closing the image would lose. */
  get isDrawn() {
    const { outline, draft } = this.sketch;
    return draft.begun !== null || (outline !== null && outline.kind !== "known");
  }

  #describe() {
    const { image } = this;
    const what = image ? `${image.laterality === "L" ? "left" : "right"} ${image.view}` : "empty";
    this.#part("empty").toggleAttribute("hidden", image !== null);
    this.#part("label").textContent = image ? `${image.laterality} ${image.view}` : "";
    this.#part("file").textContent = this.title;
    this.place.dataset.side = image?.laterality ?? "";
    this.place.setAttribute(
      "aria-label",
      `Mammogram, ${this.title ? `${what}, ${this.title}` : what}. Choose a tool by its number; arrow keys move the cursor, Space presses it.`,
    );
  }

  get ratio() {
    return window.devicePixelRatio || 1;
  }

  /** The image's frame and where it lies on the canvas (view.js). */
  get frame() {
    const { rows, cols, spacing_mm: spacing, faces_left: facesLeft } = /** @type {OpenImage} */ (this.image);
    return { rows, cols, spacing, facesLeft, view: this.view, width: this.canvas.width, height: this.canvas.height };
  }

  resized() {
    if (!this.place.clientWidth) return;  // not on the screen
    const { width, height } = this.canvas;
    for (const canvas of [this.canvas, this.maps]) {
      canvas.width = Math.max(1, Math.round(this.place.clientWidth * this.ratio));
      canvas.height = Math.max(1, Math.round(this.place.clientHeight * this.ratio));
    }
    if (this.isFitted) this.#fit();
    else this.view = recentered(this.view, width, height, this.canvas.width, this.canvas.height);
    this.draw();
  }

  draw() {
    if (!this.renderer || this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      this.drawNow();
    });
  }

  drawNow() {
    if (!this.renderer) return;
    this.renderer.draw(this.view, this.levels);
    drawMap(this.maps, this.view, this.saliency, this.mapName);
    const { draft, ruler } = this.sketch;
    const handles = this.isEdited || draft.begun !== null;
    const { windows, cursor } = this;
    const spacing = this.image?.spacing_mm ?? 0;
    drawMarks(this.marks, this.view, this.ratio, { draft, handles, windows, ruler, cursor, spacing });
    this.#drawLens();
    this.listener.drawn(this);
  }

  /** @param {boolean} isShown */
  magnify(isShown) {
    if (this.lens.hidden === !isShown) return;
    this.lens.hidden = !isShown;
    this.draw();
  }

  #drawLens() {
    if (this.lens.hidden) return;
    const { clientWidth, clientHeight } = this.place;
    const size = Math.round(Math.min(LENS.size, LENS.share * Math.min(clientWidth, clientHeight)));
    this.lens.style.width = this.lens.style.height = `${size}px`;
    this.lens.width = this.lens.height = Math.round(size * this.ratio);
    const scale = Math.max(LENS.scale, 2 * this.view.scale);
    const half = this.lens.width / 2 / scale;
    const [row, col] = this.pointer ?? this.middle;
    this.lensRenderer?.draw({ scale, row: row - half, col: col - half }, this.levels);
  }

  /**
   * The middle of what is seen of the image.
   * @returns {Point}
   */
  get middle() {
    const { view, canvas, pixels } = this;
    /** @param {number} start @param {number} length @param {number} size */
    const within = (start, length, size) =>
      (Math.min(Math.max(start, 0), size) + Math.min(Math.max(start + length / view.scale, 0), size)) / 2;
    return [within(view.row, canvas.height, pixels?.rows ?? 0), within(view.col, canvas.width, pixels?.cols ?? 0)];
  }

  /** The place of the canvas, x and y, that zoom by a key leaves where it is: a chest wall at the edge, or the middle. */
  get anchor() {
    const [x, y] = placeOf(this.view, this.middle);
    const wall = this.image?.faces_left ? this.canvas.width : 0;
    return /** @type {[number, number]} */ ([this.isHung && this.isFitted ? wall : x, y]);
  }

  #fit() {
    if (this.image) this.view = fitted(this.frame, this.isHung);
    this.isFitted = true;
  }

  fit() {
    this.#fit();
    this.#changed();
  }

  /** The reader has changed view or gray levels. */
  #changed() {
    this.draw();
    this.listener.view(this);
  }

  /** @param {import("./view.js").View} view */
  setView(view) {
    this.view = view;
    this.isFitted = false;
    this.#changed();
  }

  /**
   * Change center and width of the gray levels.
   * @param {number} center
   * @param {number} width
   */
  window(center, width) {
    const { low, high } = this.levels;
    const wide = Math.min(Math.max(high - low + width, 2), 4095);
    const middle = Math.min(Math.max((low + high) / 2 + center, 0), 4095);
    const from = Math.round(middle - wide / 2);
    this.levels = { ...this.levels, low: from, high: from + Math.round(wide) };
    this.#changed();
  }

  resetLevels() {
    this.levels = FULL;
    this.#changed();
  }

  invert() {
    this.levels = { ...this.levels, inverted: !this.levels.inverted };
    this.#changed();
  }

  /**
   * Take view and gray levels from another pane: the same place of the breast at the same size in mm.
   * @param {Pane} other
   */
  follow(other) {
    if (!this.image || !other.image) return;
    this.levels = other.levels;
    this.isFitted = other.isFitted;
    if (this.isFitted) this.#fit();
    else this.view = linked(other.frame, this.frame);
    this.draw();
  }
}
