// What is drawn on one image: its outline, which can be changed and undone, and its ruler.

import { NOTHING, closed, History, moved, pressed, released } from "./outline.js";

/**
 * @typedef {import("./outline.js").Point} Point
 * @typedef {import("./outline.js").Outline} Outline
 * @typedef {"pan" | "levels" | "polygon" | "box" | "freehand" | "circle" | "edit" | "ruler"} Tool
 */

const DRAWING = ["polygon", "box", "freehand", "circle", "edit"];

export class Sketch {
  /** @param {() => void} onOutline called when the outline has changed */
  constructor(onOutline) {
    this.onOutline = onOutline;
    this.draft = NOTHING;
    this.history = new History();
    /** @type {Point[]} */
    this.ruler = [];
    this.isDown = false;
    this.before = this.state;
  }

  get outline() {
    return this.history.current;
  }

  /** All that a tool changes. */
  get state() {
    return { draft: this.draft, ruler: this.ruler, outline: this.outline };
  }

  /** @param {Outline | null} outline */
  setOutline(outline) {
    this.draft = { ...NOTHING, outline };
    this.history.add(outline);
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
  }

  redo() {
    this.draft = { ...NOTHING, outline: this.history.redo() };
    this.onOutline();
  }

  /** Close the polygon that is being drawn; whether there was one. */
  close() {
    if (!this.draft.begun) return false;
    this.#settle(closed(this.draft));
    return true;
  }

  /** End what is being drawn, so that the outline is what the screen shows. */
  finish() {
    this.isDown = false;
    this.#settle(this.draft.begun ? closed(this.draft) : released("", this.draft));
  }

  /** Give up what is begun and not closed. */
  giveUp() {
    this.draft = { ...NOTHING, outline: this.outline };
    this.isDown = false;
  }

  /** @param {import("./outline.js").Draft} draft */
  #settle(draft) {
    const before = this.outline;
    this.draft = draft;
    if (draft.begun || draft.handle >= 0) return;
    this.history.add(draft.outline);
    if (before !== draft.outline) this.onOutline();
  }

  /**
   * A tool is pressed at a point of the image.
   * @param {Tool} tool
   * @param {Point} point
   * @param {number} near distance, image px, at which a point is meant
   */
  press(tool, point, near) {
    this.before = this.state;
    this.isDown = true;
    if (tool === "ruler") this.ruler = [point, point];
    if (DRAWING.includes(tool)) this.#settle(pressed(tool, this.draft, point, near));
  }

  /**
   * It is moved while it is down.
   * @param {Tool} tool
   * @param {Point} point
   * @param {number} step least distance, image px, of two points of a freehand line
   */
  move(tool, point, step) {
    if (tool === "ruler") this.ruler = [this.ruler[0], point];
    this.draft = moved(tool, this.draft, point, step);
  }

  /** @param {Tool} tool */
  release(tool) {
    this.isDown = false;
    if (DRAWING.includes(tool)) this.#settle(released(tool, this.draft));
  }

  /** Take back what the tool has done since it was pressed. */
  cancel() {
    if (!this.isDown) return;
    this.isDown = false;
    if (this.outline !== this.before.outline) {
      this.history.undo();
      this.onOutline();
    }
    this.draft = this.before.draft;
    this.ruler = this.before.ruler;
  }
}
