// Outlines of a lesion as values, how tools draw and edit them, and undo.
//
// Points are [row, col], continuous px of the image's file.

/**
 * @typedef {[number, number]} Point
 * @typedef {{kind: "polygon" | "box" | "circle" | "known", points: Point[], number?: number, name?: string}} Outline
 *   box: two opposite corners; circle: the center and a point of the rim; known: the outline of that number in the folder
 * @typedef {{outline: Outline | null, begun: Point[] | null, handle: number}} Draft
 *   begun: the corners so far of a polygon that is not closed; handle: the point that is being moved, or -1
 */

/** @type {Draft} */
export const NOTHING = { outline: null, begun: null, handle: -1 };

const CIRCLE_POINTS = 72;

/**
 * Distance of two points, px.
 * @param {Point} a
 * @param {Point} b
 */
export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/**
 * The corners of an outline as they are drawn on the screen.
 * @param {Outline} outline
 * @returns {Point[]}
 */
export function ring({ kind, points }) {
  if (kind === "polygon" || kind === "known") return points;
  const [[row0, col0], [row1, col1]] = points;
  if (kind === "box") return [[row0, col0], [row0, col1], [row1, col1], [row1, col0]];
  const radius = distance(points[0], points[1]);
  return Array.from({ length: CIRCLE_POINTS }, (_, n) => {
    const angle = (2 * Math.PI * n) / CIRCLE_POINTS;
    return /** @type {Point} */ ([row0 + radius * Math.sin(angle), col0 + radius * Math.cos(angle)]);
  });
}

/**
 * What the server is asked to score.
 * @param {Outline} outline
 */
export function request({ kind, points, number }) {
  if (kind === "known") return { known: number };
  if (kind === "polygon") return { polygon: points };
  const [[row0, col0], [row1, col1]] = points;
  if (kind === "circle") return { circle: [row0, col0, distance(points[0], points[1])] };
  return { box: [Math.min(row0, row1), Math.max(row0, row1), Math.min(col0, col1), Math.max(col0, col1)] };
}

/**
 * A box that covers the whole pixels that its edges touch, as the server takes it.
 * @param {Outline} outline
 * @returns {Outline}
 */
function whole(outline) {
  if (outline.kind !== "box") return outline;
  const [[row0, col0], [row1, col1]] = outline.points;
  const low = /** @type {Point} */ ([Math.floor(Math.min(row0, row1)), Math.floor(Math.min(col0, col1))]);
  const high = /** @type {Point} */ ([Math.ceil(Math.max(row0, row1)), Math.ceil(Math.max(col0, col1))]);
  return { ...outline, points: [low, high] };
}

/**
 * Whether an outline has an extent.
 * @param {Outline} outline
 */
const hasExtent = ({ kind, points }) => (kind === "polygon" ? points.length >= 3 : distance(points[0], points[1]) > 0.5);

/**
 * The draft after the pointer was pressed.
 * @param {string} tool
 * @param {Draft} draft
 * @param {Point} point
 * @param {number} near distance, image px, at which a point is meant
 * @returns {Draft}
 */
export function pressed(tool, draft, point, near) {
  if (tool === "polygon") {
    const begun = draft.begun ?? [];
    if (begun.length >= 3 && distance(begun[0], point) <= near) return closed(draft);
    return { ...draft, begun: [...begun, point] };
  }
  if (tool === "freehand") return { ...draft, begun: [point] };
  if (tool === "box" || tool === "circle") {
    return { outline: { kind: tool, points: [point, point] }, begun: null, handle: 1 };
  }
  return grabbed(draft, point, near);
}

/**
 * The draft with the nearest point of its outline grabbed; a new one where an edge of a polygon is nearer.
 * @param {Draft} draft
 * @param {Point} point
 * @param {number} near
 * @returns {Draft}
 */
function grabbed(draft, point, near) {
  if (!draft.outline) return draft;
  const outline = /** @type {Outline} */ (
    draft.outline.kind === "known" ? { kind: "polygon", points: draft.outline.points } : draft.outline
  );
  const distances = outline.points.map((corner) => distance(corner, point));
  const handle = distances.indexOf(Math.min(...distances));
  if (distances[handle] <= near) return { ...draft, outline, handle };
  if (outline.kind !== "polygon") return draft;
  const edge = nearestEdge(outline.points, point);
  if (edge.distance > near) return draft;
  const points = [...outline.points.slice(0, edge.after + 1), point, ...outline.points.slice(edge.after + 1)];
  return { ...draft, outline: { kind: "polygon", points }, handle: edge.after + 1 };
}

/**
 * @param {Point[]} points
 * @param {Point} point
 */
function nearestEdge(points, point) {
  const distances = points.map((a, n) => {
    const b = points[(n + 1) % points.length];
    const along = [b[0] - a[0], b[1] - a[1]];
    const square = along[0] ** 2 + along[1] ** 2 || 1;
    const share = ((point[0] - a[0]) * along[0] + (point[1] - a[1]) * along[1]) / square;
    const kept = Math.min(Math.max(share, 0), 1);
    return distance([a[0] + kept * along[0], a[1] + kept * along[1]], point);
  });
  const least = Math.min(...distances);
  return { after: distances.indexOf(least), distance: least };
}

/**
 * The draft after the pointer was moved while pressed.
 * @param {string} tool
 * @param {Draft} draft
 * @param {Point} point
 * @param {number} step least distance, image px, of two points of a freehand line
 * @returns {Draft}
 */
export function moved(tool, draft, point, step) {
  if (tool === "freehand" && draft.begun) {
    const last = draft.begun[draft.begun.length - 1];
    return distance(last, point) < step ? draft : { ...draft, begun: [...draft.begun, point] };
  }
  if (draft.handle < 0 || !draft.outline) return draft;
  const points = draft.outline.points.map((corner, n) => (n === draft.handle ? point : corner));
  if (draft.outline.kind === "circle" && draft.handle === 0) {  // its center: the whole circle moves
    const [[row, col], [rimRow, rimCol]] = draft.outline.points;
    points[1] = [rimRow + point[0] - row, rimCol + point[1] - col];
  }
  return { ...draft, outline: { ...draft.outline, points } };
}

/**
 * The draft after the pointer was released.
 * @param {string} tool
 * @param {Draft} draft
 * @returns {Draft}
 */
export function released(tool, draft) {
  if (tool === "freehand") return closed(draft);
  if (draft.handle < 0 || !draft.outline) return draft;
  return { ...draft, outline: hasExtent(draft.outline) ? whole(draft.outline) : null, handle: -1 };
}

/**
 * The draft with its polygon closed; unchanged where it has fewer than three corners.
 * @param {Draft} draft
 * @returns {Draft}
 */
export function closed(draft) {
  if (!draft.begun || draft.begun.length < 3) return { ...draft, begun: null };
  return { outline: { kind: "polygon", points: draft.begun }, begun: null, handle: -1 };
}

/** The outlines of an image, of which each change can be undone. */
export class History {
  /** @type {(Outline | null)[]} */
  #states = [null];
  #at = 0;

  get current() {
    return this.#states[this.#at];
  }

  /** @param {Outline | null} outline */
  add(outline) {
    if (outline === this.current) return;
    this.#states = [...this.#states.slice(0, this.#at + 1), outline];
    this.#at = this.#states.length - 1;
  }

  undo() {
    this.#at = Math.max(this.#at - 1, 0);
    return this.current;
  }

  redo() {
    this.#at = Math.min(this.#at + 1, this.#states.length - 1);
    return this.current;
  }
}
