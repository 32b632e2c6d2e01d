// What the tools do with a pane, whether pointer or keyboard moves them.

import { moved, zoomed } from "./view.js";

/**
 * @typedef {import("./outline.js").Point} Point
 * @typedef {import("./pane.js").Pane} Pane
 * @typedef {import("./sketch.js").Tool} Tool
 */

/** Distance, CSS px, at which a point is meant: with a mouse, and with a finger. */
export const NEAR = { mouse: 10, touch: 24 };

const STEP = { line: 2, pan: 40, levels: 20 };

/**
 * Zoom about a place of the canvas, or the pane's anchor.
 * @param {Pane} pane
 * @param {number} scale canvas px per image px
 * @param {[number, number]} [about] x, y, canvas px
 */
export function zoom(pane, scale, about) {
  const [x, y] = about ?? pane.anchor;
  pane.setView(zoomed(pane.view, scale, x, y));
}

/**
 * Press a tool at a point of the image.
 * @param {Pane} pane
 * @param {Tool} tool
 * @param {Point} point
 * @param {number} near CSS px
 */
export function press(pane, tool, point, near) {
  pane.sketch.press(tool, point, (near * pane.ratio) / pane.view.scale);
  pane.draw();
}

/**
 * Move a tool that is down to a point of the image.
 * @param {Pane} pane
 * @param {Tool} tool
 * @param {Point} point
 */
export function move(pane, tool, point) {
  pane.sketch.move(tool, point, (STEP.line * pane.ratio) / pane.view.scale);
  pane.draw();
}

/**
 * Release a tool.
 * @param {Pane} pane
 * @param {Tool} tool
 */
export function release(pane, tool) {
  pane.sketch.release(tool);
  pane.draw();
}

/**
 * Arrow keys: move the image, the gray levels or the cursor of a tool.
 * @param {Pane} pane
 * @param {Tool} tool
 * @param {number} x
 * @param {number} y
 * @param {boolean} far
 */
export function arrow(pane, tool, x, y, far) {
  const step = far ? 10 : 1;
  if (tool === "pan") return pane.setView(moved(pane.view, -STEP.pan * step * x, -STEP.pan * step * y));
  if (tool === "levels") return pane.window(-STEP.levels * step * y, STEP.levels * step * x);
  const [row, col] = cursorOf(pane);
  const px = step * Math.max(1, Math.round(1 / pane.view.scale));
  pane.cursor = [row + px * y, col + px * x];
  pane.pointer = pane.cursor;
  if (pane.sketch.isDown) move(pane, tool, pane.cursor);
  pane.draw();
}

/**
 * Space: press the tool at the cursor, or release it.
 * @param {Pane} pane
 * @param {Tool} tool
 */
export function toggle(pane, tool) {
  if (tool === "pan" || tool === "levels") return;
  pane.cursor = cursorOf(pane);
  if (pane.sketch.isDown) release(pane, tool);
  else {
    press(pane, tool, pane.cursor, NEAR.mouse);
    if (tool === "polygon") pane.sketch.isDown = false;
  }
}

/**
 * The keyboard's cursor, at first in the middle.
 * @param {Pane} pane
 * @returns {Point}
 */
function cursorOf(pane) {
  return pane.cursor ?? [Math.round(pane.middle[0]), Math.round(pane.middle[1])];
}
