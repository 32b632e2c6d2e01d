// The image on the screen: canvas, view, levels, and what the tools of pointer and keyboard do.

import { byCanvas, rendererOf, replaced } from "./gray.js";
import { drawMap, drawMarks } from "./marks.js";
import { NOTHING, closed, History, moved, pressed, released } from "./outline.js";
import { listen } from "./pointer.js";
import { aligned, fitted, panned, pointAt, zoomed } from "./view.js";

/**
 * @typedef {import("./outline.js").Point} Point
 * @typedef {"pan" | "levels" | "polygon" | "box" | "freehand" | "circle" | "edit" | "ruler"} Tool
 */

const FULL = { low: 0, high: 4095, inverted: false };
const NEAR = 10;
const LENS = { size: 220, scale: 3 };
const DRAWING = ["polygon", "box", "freehand", "circle", "edit"];

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class Stage {
  /**
   * @param {() => void} onOutline called when the outline has changed
   * @param {() => void} onDraw called after each drawing
   */
  constructor(onOutline, onDraw) {
    this.onOutline = onOutline;
    this.onDraw = onDraw;
    this.place = byId("stage");
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("gray"));
    this.maps = /** @type {HTMLCanvasElement} */ (byId("maps"));
    this.marks = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (byId("marks")));
    this.lens = /** @type {HTMLCanvasElement} */ (byId("lens"));
    this.withWebgl = new URLSearchParams(location.search).get("renderer") !== "2d";
    /** @type {import("./gray.js").Pixels | null} */
    this.pixels = null;
    /** @type {import("./gray.js").Renderer | null} */
    this.renderer = null;
    this.view = { row: 0, col: 0, scale: 1 };
    this.levels = FULL;
    /** @type {Tool} */
    this.tool = "pan";
    this.draft = NOTHING;
    this.history = new History();
    /** @type {Point[]} */
    this.ruler = [];
    /** @type {Point | null} */
    this.cursor = null;
    /** @type {Point | null} */
    this.pointer = null;
    this.isDown = false;
    this.isFitted = true;
    this.spacing = 0;
    /** @type {Point[][]} */
    this.windows = [];
    /** @type {import("./marks.js").Maps | null} */
    this.saliency = null;
    this.mapName = "";
    listen(this);
  }

  /**
   * Show an image.
   * @param {import("./gray.js").Pixels} pixels
   * @param {number} spacing mm between its pixels, 0 if unknown
   */
  show(pixels, spacing) {
    if (this.renderer) {
      this.canvas = replaced(this.canvas);
      this.lens = replaced(this.lens);
    }
    this.pixels = pixels;
    this.spacing = spacing;
    this.renderer = rendererOf(this.canvas, pixels, this.withWebgl);
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("gray"));
    this.lensRenderer = byCanvas(this.lens, pixels);
    this.levels = FULL;
    this.draft = NOTHING;
    this.history = new History();
    this.ruler = [];
    this.cursor = null;
    this.resized();
    this.fit();
    this.onOutline();
  }

  get ratio() {
    return window.devicePixelRatio || 1;
  }

  resized() {
    for (const canvas of [this.canvas, this.maps]) {
      canvas.width = Math.max(1, Math.round(this.place.clientWidth * this.ratio));
      canvas.height = Math.max(1, Math.round(this.place.clientHeight * this.ratio));
    }
    if (this.pixels && this.isFitted) this.fit();
    else this.draw();
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
    this.renderer?.draw(this.view, this.levels);
    drawMap(this.maps, this.view, this.saliency, this.mapName);
    const { draft, windows, ruler, cursor, spacing } = this;
    const handles = this.tool === "edit" || draft.begun !== null;
    drawMarks(this.marks, this.view, this.ratio, { draft, handles, windows, ruler, cursor, spacing });
    this.#drawLens();
    this.onDraw();
  }

  #drawLens() {
    if (this.lens.hidden || !this.pointer) return;
    this.lens.width = this.lens.height = Math.round(LENS.size * this.ratio);
    const scale = Math.max(LENS.scale, 2 * this.view.scale);
    const half = this.lens.width / 2 / scale;
    this.lensRenderer?.draw({ scale, row: this.pointer[0] - half, col: this.pointer[1] - half }, this.levels);
  }

  fit() {
    if (!this.pixels) return;
    this.view = fitted(this.pixels.rows, this.pixels.cols, this.canvas.width, this.canvas.height);
    this.isFitted = true;
    this.draw();
  }

  /**
   * Zoom about a place of the canvas, or its middle.
   * @param {number} scale canvas px per image px
   * @param {[number, number]} [about]
   */
  zoom(scale, about) {
    const [x, y] = about ?? [this.canvas.width / 2, this.canvas.height / 2];
    this.view = zoomed(this.view, scale, x, y);
    this.isFitted = false;
    this.draw();
  }

  /**
   * Move the image by canvas px.
   * @param {number} x
   * @param {number} y
   */
  pan(x, y) {
    const found = panned(this.view, x, y);
    this.view = this.view.scale === 1 ? aligned(found) : found;
    this.isFitted = false;
    this.draw();
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
    this.draw();
  }

  resetLevels() {
    this.levels = FULL;
    this.draw();
  }

  invert() {
    this.levels = { ...this.levels, inverted: !this.levels.inverted };
    this.draw();
  }

  magnify() {
    this.lens.hidden = !this.lens.hidden;
    this.pointer ??= this.#middle();
    this.draw();
  }

  /** @param {Tool} tool */
  choose(tool) {
    this.draft = { ...this.draft, begun: null, handle: -1 };
    this.tool = tool;
    this.isDown = false;
    this.draw();
  }

  /** @param {import("./outline.js").Outline | null} outline */
  setOutline(outline) {
    this.draft = { outline, begun: null, handle: -1 };
    this.history.add(outline);
    this.draw();
    this.onOutline();
  }

  undo() {
    if (this.draft.begun?.length) {
      const begun = this.draft.begun.slice(0, -1);
      this.draft = { ...this.draft, begun: begun.length ? begun : null };
    } else {
      this.draft = { ...NOTHING, outline: this.history.undo() };
      this.onOutline();
    }
    this.draw();
  }

  redo() {
    this.draft = { ...NOTHING, outline: this.history.redo() };
    this.onOutline();
    this.draw();
  }

  /** Close the polygon that is being drawn; whether there was one. */
  close() {
    if (!this.draft.begun) return false;
    this.#settle(closed(this.draft));
    return true;
  }

  /** @param {import("./outline.js").Draft} draft */
  #settle(draft) {
    this.draft = draft;
    if (!draft.begun && draft.handle < 0) {
      const before = this.history.current;
      this.history.add(draft.outline);
      if (before !== draft.outline) this.onOutline();
    }
    this.draw();
  }

  get near() {
    return (NEAR * this.ratio) / this.view.scale;
  }

  /** @param {Point} point */
  press(point) {
    this.isDown = true;
    if (this.tool === "ruler") this.ruler = [point, point];
    if (DRAWING.includes(this.tool)) this.#settle(pressed(this.tool, this.draft, point, this.near));
    this.draw();
  }

  /** @param {Point} point */
  move(point) {
    if (this.tool === "ruler") this.ruler = [this.ruler[0], point];
    this.draft = moved(this.tool, this.draft, point, (2 * this.ratio) / this.view.scale);
    this.draw();
  }

  release() {
    this.isDown = false;
    if (DRAWING.includes(this.tool)) this.#settle(released(this.tool, this.draft));
  }

  #middle() {
    return pointAt(this.view, this.canvas.width / 2, this.canvas.height / 2);
  }

  /**
   * Arrow keys: move the image, the gray levels or the cursor of a tool.
   * @param {number} x
   * @param {number} y
   * @param {boolean} far
   */
  arrow(x, y, far) {
    const step = far ? 10 : 1;
    if (this.tool === "pan") this.pan(-40 * step * x, -40 * step * y);
    else if (this.tool === "levels") this.window(-20 * step * y, 20 * step * x);
    else {
      const [row, col] = this.cursor ?? this.#middle().map(Math.round);
      const px = step * Math.max(1, Math.round(1 / this.view.scale));
      this.cursor = [row + px * y, col + px * x];
      this.pointer = this.cursor;
      if (this.isDown) this.move(this.cursor);
      this.draw();
    }
  }

  /** Space: press the tool at the cursor, or release it. */
  toggle() {
    if (this.tool === "pan" || this.tool === "levels") return;
    this.cursor ??= /** @type {Point} */ (this.#middle().map(Math.round));
    if (this.isDown) this.release();
    else {
      this.press(this.cursor);
      if (this.tool === "polygon") this.isDown = false;
    }
    this.draw();
  }
}
