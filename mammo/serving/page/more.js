// What follows the answer: DICOM results, and similar lesions. All texts are set as text, never as HTML.

import { line } from "./elements.js";
import { read, resultOf, send } from "./server.js";

/**
 * @typedef {{number: number, label: string, label_source: string, split: string, laterality: string, view: string,
 *   score: number, is_seen: boolean}} Neighbor
 * @typedef {{about: string[], lesions: Neighbor[]}} Neighbors
 */

const SOURCES = /** @type {Record<string, string>} */ ({
  biopsy: "by biopsy",
  breast_level: "by a finding in this breast, not of this lesion",
  birads_proxy: "by BI-RADS, without a biopsy",
  unknown: "of unknown source",
});

/**
 * Show what can be done with an answer.
 * @param {HTMLElement} place
 * @param {import("./server.js").OpenImage} image that was scored
 * @param {any} answer of the server; it keeps its neighbors
 * @param {{peer: string, has_neighbors: boolean}} facts
 */
export function showMore(place, image, answer, { peer, has_neighbors: hasNeighbors }) {
  place.replaceChildren();
  if (answer.not_saved) place.append(line("p", answer.not_saved, "warning"));
  place.append(...(image.no_results ? [line("p", image.no_results, "small")] : results(image.key, answer, peer)));
  if (!hasNeighbors) return;
  const shown = document.createElement("div");
  shown.append(line("h3", "Similar lesions"), line("p", "Searching…"));
  place.append(shown);
  answer.neighbors ??= read(resultOf(image.key, "neighbors", answer));
  answer.neighbors.then(
    (/** @type {Neighbors} */ found) => shown.replaceChildren(line("h3", "Similar lesions"), ...neighbors(found)),
    (/** @type {Error} */ error) => shown.lastElementChild?.replaceWith(line("p", error.message, "warning")),
  );
}

/**
 * @param {string} key of the image
 * @param {{number: number}} answer
 * @param {string} peer
 */
function results(key, answer, peer) {
  const link = /** @type {HTMLAnchorElement} */ (line("a", "Download DICOM (SR, SEG, picture)", "button"));
  Object.assign(link, { href: resultOf(key, "results.zip", answer), download: "" });
  const row = line("p", "", "row");
  row.append(link);
  if (!peer) return [row];
  const button = /** @type {HTMLButtonElement} */ (line("button", `Send to ${peer}`));
  button.type = "button";
  const result = line("p", "");
  result.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    button.disabled = true;
    result.textContent = "Sending…";
    result.className = "";
    try {
      result.textContent = (await send(key, answer)).sent;
    } catch (error) {
      result.textContent = /** @type {Error} */ (error).message;
      result.className = "warning";
    } finally {
      button.disabled = false;
    }
  });
  row.append(" ", button);
  return [row, result];
}

/** @param {Neighbors} found */
function neighbors({ about, lesions }) {
  const list = document.createElement("ol");
  list.className = "neighbors";
  for (const one of lesions) {
    const item = document.createElement("li");
    const picture = document.createElement("img");
    picture.src = `/api/neighbors/${one.number}.png`;
    picture.alt = `A similar lesion, ${one.label}, with its outline`;
    const side = one.laterality === "L" ? "left" : "right";
    item.append(
      picture,
      line("strong", one.label),
      ` ${SOURCES[one.label_source] ?? ""}. Score ${one.score.toFixed(3)}${one.is_seen ? " (seen in training)" : ""}, ${side} ${one.view}.`,
    );
    list.append(item);
  }
  return [list, ...about.map((sentence) => line("p", sentence, "small"))];
}
