// What is drawn over the image: outline, handles, windows, ruler, keyboard cursor and saliency maps.

import { placeOf } from "./view.js";
import { distance, ring } from "./outline.js";

/**
 * @typedef {import("./outline.js").Point} Point
 * @typedef {import("./gray.js").View} View
 * @typedef {{draft: import("./outline.js").Draft, handles: boolean, windows: Point[][], ruler: Point[], cursor: Point | null,
 *   spacing: number}} Marks
 * @typedef {{malignant: number[][], benign: number[][], corners: [Point, Point]}} Maps
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} name
 * @param {Record<string, string | number>} values
 * @param {string} [text]
 */
function element(name, values, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, String(value));
  if (text) made.textContent = text;
  return made;
}

/**
 * The length of a line, in mm where the pixel spacing is known.
 * @param {Point} a
 * @param {Point} b
 * @param {number} spacing mm, 0 if unknown
 */
export function lengthText(a, b, spacing) {
  const px = distance(a, b);
  return spacing ? `${(px * spacing).toFixed(1)} mm` : `${px.toFixed(0)} px`;
}

/**
 * Draw marks anew.
 * @param {SVGSVGElement} svg of the canvas's size
 * @param {View} view
 * @param {number} ratio canvas px per CSS px
 * @param {Marks} marks
 */
export function drawMarks(svg, view, ratio, { draft, handles, windows, ruler, cursor, spacing }) {
  /** @param {Point} point */
  const at = (point) => placeOf(view, point).map((value) => value / ratio);
  /**
   * @param {Point[]} points
   * @param {boolean} isClosed
   */
  const path = (points, isClosed) => `M${points.map((point) => at(point).join(" ")).join("L")}${isClosed ? "Z" : ""}`;
  /** @type {Element[]} */
  const found = [];
  if (windows.length) found.push(element("path", { class: "windows", d: windows.map((one) => path(one, true)).join("") }));
  if (draft.outline) {
    const d = path(ring(draft.outline), true);
    found.push(element("path", { class: "halo", d }), element("path", { class: "outline", d }));
  }
  if (draft.begun) found.push(element("path", { class: "outline begun", d: path(draft.begun, false) }));
  const corners = handles ? (draft.begun ?? draft.outline?.points ?? []) : [];
  for (const corner of corners) {
    const [cx, cy] = at(corner);
    found.push(element("circle", { class: "handle", cx, cy, r: 4 }));
  }
  if (ruler.length === 2) {
    const [x, y] = at(ruler[1]);
    found.push(element("path", { class: "ruler", d: path(ruler, false) }));
    found.push(element("text", { class: "ruler-text", x: x + 8, y: y - 8 }, lengthText(ruler[0], ruler[1], spacing)));
  }
  if (cursor) {
    const [x, y] = at(cursor);
    found.push(element("path", { class: "cursor", d: `M${x - 12} ${y}H${x + 12}M${x} ${y - 12}V${y + 12}` }));
  }
  svg.replaceChildren(...found);
}

/** Dark to bright, as the picture of a prediction shows saliency (inferno): red, green, blue. */
const COLORS = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];
const BRIGHT = 0.5;

/**
 * Draw a saliency map over the image, clear where it is 0; without one nothing.
 * @param {HTMLCanvasElement} canvas
 * @param {View} view
 * @param {Maps | null} maps
 * @param {string} name malignant, benign or empty
 */
export function drawMap(canvas, view, maps, name) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!maps || (name !== "malignant" && name !== "benign")) return;
  const grid = maps[name];
  const most = Math.max(BRIGHT, ...grid.map((line) => Math.max(...line)));
  const [x0, y0] = placeOf(view, maps.corners[0]);
  const [x1, y1] = placeOf(view, maps.corners[1]);
  grid.forEach((line, row) => {
    line.forEach((value, col) => {
      const left = x0 + ((x1 - x0) * col) / line.length;
      const top = y0 + ((y1 - y0) * row) / grid.length;
      const [red, green, blue] = colorOf(value / most);
      context.fillStyle = `rgba(${red}, ${green}, ${blue}, ${0.85 * Math.sqrt(value / most)})`;
      context.fillRect(left, top, (x1 - x0) / line.length, (y1 - y0) / grid.length);
    });
  });
}

/** @param {number} share 0 to 1 */
function colorOf(share) {
  const place = Math.min(Math.max(share, 0), 1) * (COLORS.length - 1);
  const low = Math.min(Math.floor(place), COLORS.length - 2);
  return COLORS[low].map((from, n) => Math.round(from + (place - low) * (COLORS[low + 1][n] - from)));
}
