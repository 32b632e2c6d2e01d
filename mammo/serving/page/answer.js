// The answer in plain words. All texts are set as text, never as HTML.

import { line, percent } from "./elements.js";

const THRESHOLDS = "What would have happened had no lesion with a score below the threshold been biopsied, with 95\u00a0% intervals:";

/** @param {[number | null, number | null]} interval */
const between = ([low, high]) => (low === null || high === null ? "" : ` (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`);

/**
 * Show an answer.
 * @param {HTMLElement} place
 * @param {any} answer of the server
 * @param {{use: string, bundle: {name: string, model: string, digest: string, version: string}}} facts
 */
export function showAnswer(place, { prediction, warnings, n_pixels: nPixels }, { use, bundle }) {
  const spread = prediction.score_sd_seeds;
  const lines = [
    line("p", `Score ${prediction.score.toFixed(3)}`, "score"),
    line("p", `on a scale from 0 to 1, the higher the more suspicious; ± ${prediction.score_sd.toFixed(3)} (standard deviation)` +
      ` over the crop windows${spread === null ? "" : `, ± ${spread.toFixed(3)} over the trainings`}. Not a probability.`),
    line("p", `Calibrated probability of cancer: ${percent(prediction.probability)}, if ${percent(prediction.prevalence)}` +
      " of such lesions are cancers."),
  ];
  if (prediction.score_without_context !== null) {
    lines.push(line("p", `Without the context of the whole image: score ${prediction.score_without_context.toFixed(3)}.`));
  }
  lines.push(line("p", `${nPixels.toLocaleString("en-US")} pixels lie inside the outline.`));
  for (const warning of warnings) lines.push(line("p", warning, "warning"));
  lines.push(line("h3", "Where this score lies"), line("p", THRESHOLDS, "small"), thresholds(prediction.thresholds));
  lines.push(line("p", `Bundle ${bundle.name}, ${bundle.model}, mammo ${bundle.version}, ${bundle.digest.slice(0, 12)}.`, "small"));
  lines.push(line("p", use, "warning"));
  place.replaceChildren(...lines);
}

/** @param {any[]} each */
function thresholds(each) {
  const list = document.createElement("ul");
  for (const one of each) {
    const item = document.createElement("li");
    item.append(
      line("strong", `${one.below ? "Below" : "Above"} ${one.threshold.toFixed(3)}`),
      `, chosen to miss at most ${Number((100 * one.fnr).toFixed(1))}\u00a0% of the validation cancers.`,
      line("p", of("Validation", one, "validation")),
      line("p", of("Test", one, "test")),
    );
    list.append(item);
  }
  return list;
}

/**
 * @param {string} name
 * @param {any} one
 * @param {string} split
 */
function of(name, one, split) {
  const rates = [rate(one, `tnr_${split}`, "of benign biopsies avoided"), rate(one, `fnr_${split}`, "of cancers missed")];
  return `${name}: ${rates.join(", ")}.`;
}

/**
 * @param {any} one threshold
 * @param {string} key
 * @param {string} what
 */
function rate(one, key, what) {
  return one[key] === null ? `the share ${what} is undefined` : `${percent(one[key])}${between(one[`${key}_interval`])} ${what}`;
}
