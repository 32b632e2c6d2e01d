// What stands beside a case of a reader study: where the reader is, and the score.

import { byId, line, percent } from "./elements.js";

/**
 * @typedef {{study: string, use: string, phantoms: string, reader: string, answered: number, total: number,
 *   session: number | null, n_sessions: number, opens: string | null}} Progress
 * @typedef {{score: number, score_sd: number, probability: number, prevalence: number,
 *   thresholds: {threshold: number, below: boolean, meaning: string}[]}} Score
 * @typedef {{number: number, session: number, place: number, n_cases: number, condition: "without" | "with",
 *   score: Score | null, before: {probability: number, decision: string} | null, rows: number, cols: number,
 *   spacing_mm: number, laterality: string, view: string, faces_left: boolean, outline: [number, number][]}} Step
 */

/**
 * @param {Step} found
 * @param {number} sessions of the study
 */
export function describe({ place, n_cases: n, session, condition, laterality, view, before, score }, sessions) {
  const which = sessions > 1 ? `, session ${session}` : "";
  byId("place").textContent = `Case ${place} of ${n}${which}, ${condition} the score`;
  byId("about").textContent = `${laterality === "L" ? "Left" : "Right"} ${view}. The lesion is outlined.`;
  byId("before").hidden = !before;
  if (before) byId("before").textContent = `Without the score you answered ${before.probability}\u00a0%, ${before.decision}.`;
  byId("score").hidden = !score;
  if (score) showScore(score);
}

/** @param {Score} score */
function showScore({ score, score_sd: sd, probability, prevalence, thresholds }) {
  const lines = [
    line("p", score.toFixed(3), "value"),
    line("p", `on a scale from 0 to 1, the higher the more suspicious; ± ${sd.toFixed(3)} over the crop windows. Not a probability.`),
    line("p", `Calibrated probability of cancer: ${percent(probability)}, if ${percent(prevalence)} of such lesions are cancers.`),
  ];
  const list = document.createElement("ul");
  const nPassed = thresholds.filter(({ below }) => !below).length;
  for (const one of thresholds.slice(Math.max(nPassed - 1, 0), nPassed + 1)) {  // those next to the score
    list.append(line("li", `${one.below ? "Below" : "Above"} ${one.threshold.toFixed(3)} (${one.meaning}).`));
  }
  byId("score-text").replaceChildren(...lines, list);
}
