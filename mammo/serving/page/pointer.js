// Mouse, pen and wheel on the image.

import { pointAt } from "./view.js";

/** @typedef {import("./stage.js").Stage} Stage */

const LARGER = 1.25;
const SMALLER = 0.8;

/**
 * Let a stage do what pointer and wheel ask for.
 * @param {Stage} stage
 */
export function listen(stage) {
  const { place } = stage;
  /** @type {[number, number]} */
  let last = [0, 0];
  let isHeld = false;  // the keyboard presses tools, too
  new ResizeObserver(() => stage.resized()).observe(place);
  place.addEventListener("pointerdown", (event) => {
    if (!stage.pixels || event.button !== 0) return;
    place.focus({ preventScroll: true });
    place.setPointerCapture(event.pointerId);
    stage.cursor = null;
    isHeld = true;
    last = placeOf(stage, event);
    stage.press(pointAt(stage.view, ...last));
  });
  place.addEventListener("pointermove", (event) => {
    if (!stage.pixels) return;
    const before = last;
    last = placeOf(stage, event);
    stage.pointer = pointAt(stage.view, ...last);
    if (isHeld && stage.isDown) drag(stage, last[0] - before[0], last[1] - before[1]);
    else if (!stage.lens.hidden) stage.draw();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    place.addEventListener(end, () => {
      isHeld = false;
      if (stage.isDown) stage.release();
    });
  }
  place.addEventListener("wheel", (event) => {
    event.preventDefault();
    stage.zoom(stage.view.scale * (event.deltaY < 0 ? LARGER : SMALLER), placeOf(stage, event));
  }, { passive: false });
}

/**
 * The pointer was moved by canvas px while it is down.
 * @param {Stage} stage
 * @param {number} x
 * @param {number} y
 */
function drag(stage, x, y) {
  if (stage.tool === "pan") stage.pan(x, y);
  else if (stage.tool === "levels") stage.window((-y * 4) / stage.ratio, (x * 4) / stage.ratio);
  else if (stage.pointer) stage.move(stage.pointer);
}

/**
 * Where an event is: x, y, canvas px.
 * @param {Stage} stage
 * @param {PointerEvent | WheelEvent} event
 * @returns {[number, number]}
 */
function placeOf(stage, event) {
  const { place, ratio } = stage;
  const box = place.getBoundingClientRect();
  return [
    (event.clientX - box.left - place.clientLeft) * ratio,
    (event.clientY - box.top - place.clientTop) * ratio,
  ];
}
