// Where the image lies on the canvas: zoom, pan and fit. Values as in gray.js.

/** @typedef {import("./gray.js").View} View */

const SCALES = [1 / 32, 32];

/**
 * @typedef {{rows: number, cols: number, spacing: number, facesLeft: boolean, view: View, width: number, height: number}}
 *   Frame an image, spacing in mm or 0, facesLeft: its chest wall is at the right edge; where it lies on a canvas, px
 */

/**
 * The view that shows a whole image in a canvas.
 * @param {Omit<Frame, "view" | "spacing">} frame
 * @param {boolean} atWall the chest wall is at the edge of the canvas, as in images back to back; otherwise centered
 * @returns {View}
 */
export function fitted({ rows, cols, facesLeft, width, height }, atWall) {
  const scale = Math.min(width / cols, height / rows);
  const spare = cols - width / scale;
  return { scale, row: (rows - height / scale) / 2, col: atWall ? (facesLeft ? spare : 0) : spare / 2 };
}

/**
 * The view of another image that shows the same place of the breast, at the same size in mm where both spacings are
 * known: as far below the middle row, and as far from the chest wall.
 * @param {Frame} from
 * @param {Omit<Frame, "view">} to
 * @returns {View}
 */
export function linked(from, to) {
  const ratio = from.spacing && to.spacing ? to.spacing / from.spacing : 1;
  const [row, col] = pointAt(from.view, from.width / 2, from.height / 2);
  const fromWall = (from.facesLeft ? from.cols - col : col) / ratio;
  const scale = kept(from.view.scale * ratio);
  const found = {
    scale,
    row: to.rows / 2 + (row - from.rows / 2) / ratio - to.height / 2 / scale,
    col: (to.facesLeft ? to.cols - fromWall : fromWall) - to.width / 2 / scale,
  };
  return aligned(found);
}

/**
 * A view with the same middle on a canvas of another size.
 * @param {View} view
 * @param {number} width before, px
 * @param {number} height
 * @param {number} newWidth
 * @param {number} newHeight
 * @returns {View}
 */
export const recentered = (view, width, height, newWidth, newHeight) =>
  moved(view, (newWidth - width) / 2, (newHeight - height) / 2);

/** @param {number} scale */
const kept = (scale) => Math.min(Math.max(scale, SCALES[0]), SCALES[1]);

/**
 * A view zoomed about a place of the canvas, which shows the same point of the image.
 * @param {View} view
 * @param {number} scale canvas px per image px
 * @param {number} x
 * @param {number} y
 * @returns {View}
 */
export function zoomed(view, scale, x, y) {
  const wanted = kept(scale);
  const [row, col] = pointAt(view, x, y);
  return aligned({ scale: wanted, row: row - y / wanted, col: col - x / wanted });
}

/**
 * A view whose corner lies on a canvas pixel where each image pixel covers whole ones, so that true pixels are shown.
 * @param {View} view
 * @returns {View}
 */
function aligned(view) {
  const { scale } = view;
  if (!Number.isInteger(scale)) return view;
  return { scale, row: Math.round(view.row * scale) / scale, col: Math.round(view.col * scale) / scale };
}

/**
 * A view moved by canvas px.
 * @param {View} view
 * @param {number} x
 * @param {number} y
 * @returns {View}
 */
export const moved = (view, x, y) =>
  aligned({ scale: view.scale, row: view.row - y / view.scale, col: view.col - x / view.scale });

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
