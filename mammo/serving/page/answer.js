// The answer in plain words. All texts are set as text, never as HTML.

/** @param {number | null} share */
const percent = (share) => (share === null ? "undefined" : `${(100 * share).toFixed(1)} %`);

/** @param {[number | null, number | null]} interval */
const between = ([low, high]) => (low === null || high === null ? "" : ` (95 % interval ${percent(low)} to ${percent(high)})`);

/** @param {string} tag @param {string} text @param {string} [name] */
function line(tag, text, name) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

/**
 * Show an answer.
 * @param {HTMLElement} place
 * @param {any} answer of the server
 * @param {{use: string, bundle: {name: string, model: string, digest: string, version: string}}} facts
 */
export function showAnswer(place, { prediction, n_pixels: nPixels }, { use, bundle }) {
  const spread = prediction.score_sd_seeds;
  const lines = [
    line("p", `Score ${prediction.score.toFixed(3)}`, "score"),
    line("p", `on a scale from 0 to 1, the higher the more suspicious; ± ${prediction.score_sd.toFixed(3)} (standard deviation)` +
      ` over the windows${spread === null ? "" : `, ± ${spread.toFixed(3)} over the trainings`}. Not a probability.`),
    line("p", `Calibrated probability of cancer: ${percent(prediction.probability)}, if ${percent(prediction.prevalence)}` +
      " of such lesions are cancers."),
  ];
  if (prediction.score_without_context !== null) {
    lines.push(line("p", `Without the context of the whole image: score ${prediction.score_without_context.toFixed(3)}.`));
  }
  lines.push(line("p", `${nPixels.toLocaleString("en-US")} pixels lie inside the outline.`));
  for (const warning of prediction.warnings) lines.push(line("p", warning, "warning"));
  lines.push(line("h3", "Thresholds"), thresholds(prediction.thresholds));
  lines.push(line("p", `Bundle ${bundle.name}, ${bundle.model}, mammo ${bundle.version}, ${bundle.digest.slice(0, 12)}.`, "small"));
  lines.push(line("p", use, "warning"));
  place.replaceChildren(...lines);
}

/** @param {any[]} each */
function thresholds(each) {
  const list = document.createElement("ul");
  for (const one of each) {
    const item = document.createElement("li");
    const side = one.below ? "below" : "above";
    item.append(
      line("strong", `This score lies ${side} ${one.threshold.toFixed(3)}`),
      `, the threshold for missing at most ${percent(one.fnr)} of the cancers of validation. Had the lesions below it not` +
        " been biopsied: ",
      line("span", of("validation", one.tnr_validation, one.tnr_validation_interval, one.fnr_validation, one.fnr_validation_interval)),
      "; ",
      line("span", of("test", one.tnr_test, one.tnr_test_interval, one.fnr_test, one.fnr_test_interval)),
      ".",
    );
    list.append(item);
  }
  return list;
}

/**
 * @param {string} split
 * @param {number | null} avoided
 * @param {[number | null, number | null]} avoidedBetween
 * @param {number | null} missed
 * @param {[number | null, number | null]} missedBetween
 */
function of(split, avoided, avoidedBetween, missed, missedBetween) {
  return `on ${split}, ${percent(avoided)} of benign biopsies avoided${between(avoidedBetween)} and ${percent(missed)} of` +
    ` cancers missed${between(missedBetween)}`;
}
