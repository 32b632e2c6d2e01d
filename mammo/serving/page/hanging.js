// The order of images as radiologists hang them: CC above MLO, the right breast on the left, back to back.

/** @typedef {{laterality: string, view: string}} Side */

/** Number of panes that a layout shows. */
export const LAYOUTS = /** @type {const} */ ([1, 2, 4]);

const SLOTS = ["R CC", "L CC", "R MLO", "L MLO"];

/**
 * The layout that shows a number of images.
 * @param {number} n
 */
export const layoutFor = (n) => LAYOUTS.find((size) => size >= n) ?? 4;

/**
 * Where images hang: for each of four slots the index of its image, or -1. Each image of a standard view has its own
 * slot; a second one of the same view, and two images alone, take the next that is free.
 * @param {(Side | null)[]} sides of at most four images; null: no image
 */
export function hanging(sides) {
  const slots = SLOTS.map(() => -1);
  const shown = sides.map((side, index) => ({ index, rank: side ? rankOf(side) : -1 })).filter(({ rank }) => rank >= 0);
  shown.sort((a, b) => a.rank - b.rank);
  if (shown.length <= 2) {
    shown.sort((a, b) => (a.rank % 2) - (b.rank % 2));
    shown.forEach(({ index }, slot) => (slots[slot] = index));
    return slots;
  }
  const late = shown.filter(({ index, rank }) => {
    if (slots[rank] >= 0) return true;
    slots[rank] = index;
    return false;
  });
  for (const { index } of late) slots[slots.indexOf(-1)] = index;
  return slots;
}

/** @param {Side} side */
const rankOf = ({ laterality, view }) => SLOTS.indexOf(`${laterality} ${view}`);
