// The panes of the page, one to four at once: which are shown, which one is active, and what they share.

import { hanging, layoutFor } from "./hanging.js";
import { Pane } from "./pane.js";
import { listen } from "./pointer.js";

/** @typedef {import("./sketch.js").Tool} Tool */

const MOST = 4;

export class Stage {
  /**
   * @param {HTMLElement} place
   * @param {{outline: (pane: Pane) => void, drawn: (pane: Pane) => void, active: () => void, layout: () => void}} listener
   *   called when an outline has changed, after each drawing, and when another pane or layout was chosen
   */
  constructor(place, listener) {
    this.place = place;
    this.listener = listener;
    /** @type {Tool} */
    this.tool = "pan";
    this.layout = 1;
    this.isLinked = false;
    this.isMagnified = false;
    const { outline, drawn } = listener;
    this.panes = Array.from({ length: MOST }, () => new Pane({ outline, drawn, view: (pane) => this.#link(pane) }));
    this.active = this.panes[0];
    for (const pane of this.panes) {
      listen(this, pane);
      pane.place.addEventListener("focus", () => this.activate(pane));
    }
    this.#arrange();
  }

  /** The panes on the screen: those of the active one's group. */
  get shown() {
    const first = Math.floor(this.panes.indexOf(this.active) / this.layout) * this.layout;
    return this.panes.slice(first, first + this.layout);
  }

  #arrange() {
    const { shown } = this;
    const hadFocus = this.place.contains(document.activeElement);
    this.place.replaceChildren(...shown.map(({ place }) => place));
    this.place.dataset.layout = String(this.layout);
    for (const pane of this.panes) {
      pane.isHung = this.layout > 1;
      pane.place.classList.toggle("active", pane === this.active && this.layout > 1);
    }
    for (const pane of shown) pane.resized();
    if (hadFocus) this.active.place.focus({ preventScroll: true });
    this.look(this.active);
  }

  /** @param {Pane} pane */
  activate(pane) {
    if (pane === this.active) return;
    const isShown = this.shown.includes(pane);
    this.active = pane;
    if (isShown) for (const one of this.panes) one.place.classList.toggle("active", one === pane);
    else this.#arrange();
    if (this.place.contains(document.activeElement)) pane.place.focus({ preventScroll: true });
    this.look(pane);
    this.#showHandles();
    this.listener.active();
  }

  /** Go to the next pane, among those with an image if there are any. */
  next() {
    const at = this.panes.indexOf(this.active);
    const others = [...this.panes.slice(at + 1), ...this.panes.slice(0, at)];
    this.activate(others.find(({ image }) => image) ?? this.active);
    this.active.place.focus();
  }

  /** @param {number} layout number of panes */
  show(layout) {
    this.layout = layout;
    this.#arrange();
    this.listener.layout();
  }

  /** Put the images where radiologists hang them. */
  hang() {
    const { panes } = this;
    const slots = hanging(panes.map(({ image }) => image));
    const rest = panes.filter((_, index) => !slots.includes(index));
    this.panes = slots.map((index) => panes[index] ?? rest.shift());
    const shown = this.panes.filter(({ image }) => image);
    if (!this.active.image && shown.length) this.activate(shown[0]);
    this.show(layoutFor(shown.length));
  }

  /** The pane that a further image goes to: the active one, or the next without an image on the screen. */
  get free() {
    return this.active.image ? this.shown.find(({ image }) => !image) ?? this.active : this.active;
  }

  /** @param {Tool} tool */
  choose(tool) {
    this.tool = tool;
    for (const pane of this.panes) pane.sketch.giveUp();
    this.#showHandles();
  }

  #showHandles() {
    for (const pane of this.panes) {
      pane.isEdited = this.tool === "edit" && pane === this.active;
      pane.draw();
    }
  }

  /** @param {boolean} isLinked whether zoom, place and gray levels are the same in all panes */
  link(isLinked) {
    this.isLinked = isLinked;
    this.#link(this.active);
  }

  /** @param {Pane} pane in which they were changed */
  #link(pane) {
    if (!this.isLinked) return;
    for (const other of this.panes) if (other !== pane) other.follow(pane);
  }

  magnify() {
    this.isMagnified = !this.isMagnified;
    this.look(this.active);
  }

  /**
   * Show the magnifier, if it is wanted, in the pane where pointer or cursor is.
   * @param {Pane} pane
   */
  look(pane) {
    for (const one of this.panes) one.magnify(this.isMagnified && one === pane);
    if (this.isMagnified) pane.draw();
  }
}
