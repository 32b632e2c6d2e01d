// Where the image lies on the canvas: zoom, pan and fit. Values as in gray.js.

/** @typedef {import("./gray.js").View} View */

const SCALES = [1 / 32, 32];

/**
 * The view that shows a whole image in a canvas, centered.
 * @param {number} rows
 * @param {number} cols
 * @param {number} width of the canvas, px
 * @param {number} height
 * @returns {View}
 */
export function fitted(rows, cols, width, height) {
  const scale = Math.min(width / cols, height / rows);
  return { scale, row: (rows - height / scale) / 2, col: (cols - width / scale) / 2 };
}

/**
 * A view zoomed about a place of the canvas, which shows the same point of the image.
 * @param {View} view
 * @param {number} scale canvas px per image px
 * @param {number} x
 * @param {number} y
 * @returns {View}
 */
export function zoomed(view, scale, x, y) {
  const kept = Math.min(Math.max(scale, SCALES[0]), SCALES[1]);
  const found = { scale: kept, row: view.row + y / view.scale - y / kept, col: view.col + x / view.scale - x / kept };
  return kept >= 1 && Number.isInteger(kept) ? aligned(found) : found;
}

/**
 * A view whose corner lies on a canvas pixel, so that true pixels are shown.
 * @param {View} view
 * @returns {View}
 */
export function aligned(view) {
  const { scale } = view;
  return { scale, row: Math.round(view.row * scale) / scale, col: Math.round(view.col * scale) / scale };
}

/**
 * A view moved by canvas px.
 * @param {View} view
 * @param {number} x
 * @param {number} y
 * @returns {View}
 */
export function panned(view, x, y) {
  return { scale: view.scale, row: view.row - y / view.scale, col: view.col - x / view.scale };
}

/**
 * The image point at a place of the canvas.
 * @param {View} view
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]}
 */
export const pointAt = (view, x, y) => [view.row + y / view.scale, view.col + x / view.scale];

/**
 * The place on the canvas of an image point.
 * @param {View} view
 * @param {[number, number]} point
 * @returns {[number, number]}
 */
export const placeOf = (view, [row, col]) => [(col - view.col) * view.scale, (row - view.row) * view.scale];
