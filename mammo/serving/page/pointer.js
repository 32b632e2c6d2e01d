// Mouse, pen, fingers and wheel on a pane: one finger is the tool, two move and zoom the image.

import { NEAR, move, press, release, zoom } from "./tools.js";
import { moved, pointAt, zoomed } from "./view.js";

/**
 * @typedef {import("./pane.js").Pane} Pane
 * @typedef {import("./stage.js").Stage} Stage
 * @typedef {[number, number]} Place x, y, canvas px
 * @typedef {{view: import("./view.js").View, fingers: Place[]}} Pinch where image and fingers were when it began
 */

const LARGER = 1.25;
const SMALLER = 0.8;
const LEVELS_PER_PX = 4;

/**
 * Let a pane of a stage do what pointers and wheel ask for.
 * @param {Stage} stage
 * @param {Pane} pane
 */
export function listen(stage, pane) {
  const { place } = pane;
  /** @type {Map<number, Place>} */
  const held = new Map();
  /** @type {Pinch | null} */
  let pinch = null;
  const grasp = () => (pinch = held.size === 2 ? { view: pane.view, fingers: [...held.values()] } : null);
  place.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    place.focus({ preventScroll: true });
    if (!pane.pixels) return;
    place.setPointerCapture(event.pointerId);
    pane.cursor = null;
    const at = placeOf(pane, event);
    held.set(event.pointerId, at);
    grasp();
    if (held.size > 1) giveUp(pane);
    else press(pane, stage.tool, pointAt(pane.view, ...at), event.pointerType === "touch" ? NEAR.touch : NEAR.mouse);
  });
  place.addEventListener("pointermove", (event) => {
    if (!pane.pixels) return;
    const at = placeOf(pane, event);
    pane.pointer = pointAt(pane.view, ...at);
    stage.look(pane);
    const before = held.get(event.pointerId);
    if (!before) return;
    held.set(event.pointerId, at);
    if (pinch) pane.setView(pinched(pinch, [...held.values()]));
    else if (pane.sketch.isDown) drag(stage, pane, before, at);
  });
  place.addEventListener("pointerup", (event) => {
    if (held.delete(event.pointerId) && pane.sketch.isDown) release(pane, stage.tool);
    grasp();
  });
  place.addEventListener("pointercancel", (event) => {
    if (held.delete(event.pointerId)) giveUp(pane);
    grasp();
  });
  place.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (pane.pixels) zoom(pane, pane.view.scale * (event.deltaY < 0 ? LARGER : SMALLER), placeOf(pane, event));
  }, { passive: false });
}

/** @param {Pane} pane */
function giveUp(pane) {
  pane.sketch.cancel();
  pane.draw();
}

/**
 * The pointer was moved while the tool is down.
 * @param {Stage} stage
 * @param {Pane} pane
 * @param {Place} before
 * @param {Place} at
 */
function drag({ tool }, pane, before, at) {
  const [x, y] = [at[0] - before[0], at[1] - before[1]];
  const levels = LEVELS_PER_PX / pane.ratio;
  if (tool === "pan") pane.setView(moved(pane.view, x, y));
  else if (tool === "levels") pane.window(-y * levels, x * levels);
  else move(pane, tool, pointAt(pane.view, ...at));
}

/**
 * The view after two fingers were moved: the point midway between them stays there.
 * @param {Pinch} pinch
 * @param {Place[]} now
 */
function pinched({ view, fingers }, now) {
  /** @param {Place[]} two */
  const length = ([a, b]) => Math.max(Math.hypot(a[0] - b[0], a[1] - b[1]), 1);
  /** @param {Place[]} two @returns {Place} */
  const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const [from, to] = [middle(fingers), middle(now)];
  const larger = zoomed(view, (view.scale * length(now)) / length(fingers), ...from);
  return moved(larger, to[0] - from[0], to[1] - from[1]);
}

/**
 * Where an event is.
 * @param {Pane} pane
 * @param {PointerEvent | WheelEvent} event
 * @returns {Place}
 */
function placeOf({ place, ratio }, event) {
  const box = place.getBoundingClientRect();
  return [
    (event.clientX - box.left - place.clientLeft) * ratio,
    (event.clientY - box.top - place.clientTop) * ratio,
  ];
}
