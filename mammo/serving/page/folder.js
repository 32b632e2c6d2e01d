// The list of the folder's images: part of a name narrows it, and a choice opens an image, its exam or its prior.

import { byId } from "./elements.js";

/** @typedef {import("./server.js").ListedFile} ListedFile */

const MOST_LISTED = 500;

/** @type {Set<string>} names of the images that panes show */
let open = new Set();

/**
 * Mark the images that are open, and choose that of the active pane.
 * @param {ListedFile[]} files
 * @param {import("./stage.js").Stage} stage
 */
export function showOpen(files, { panes, active }) {
  open = new Set(panes.flatMap(({ image }) => (image?.name ? [image.name] : [])));
  const number = active.image?.name ? files.findIndex(({ name }) => name === active.image?.name) : -1;
  for (const option of byId("files").options) option.textContent = text(files[Number(option.value)]);
  byId("files").value = number < 0 ? "" : String(number);
  showChoices(files);
}

/**
 * List the images.
 * @param {ListedFile[]} files
 * @param {import("./opening.js").Opening} opening
 */
export function listFiles(files, opening) {
  byId("folder").hidden = !files.length;
  byId("search").addEventListener("input", () => show(files));
  byId("files").addEventListener("change", () => {
    opening.listed(Number(byId("files").value));
    showChoices(files);
  });
  byId("exam").addEventListener("click", () => {
    const number = Number(byId("files").value);
    opening.together(files[number].exam, number);
  });
  byId("prior").addEventListener("click", () => {
    const number = Number(byId("files").value);
    opening.together([files[number].prior, number], number);
  });
  show(files);
}

/** @param {ListedFile[]} files */
function show(files) {
  const part = byId("search").value.toLowerCase();
  const found = files.map((file, number) => ({ file, number })).filter(({ file }) => file.name.toLowerCase().includes(part));
  const options = found.slice(0, MOST_LISTED).map(({ file, number }) =>
    Object.assign(new Option(text(file), String(number)), { title: file.name }));
  byId("files").replaceChildren(...options);
  const listed = found.length > MOST_LISTED ? `, of which the first ${MOST_LISTED} are listed: type part of a name` : "";
  byId("n-files").textContent = `${found.length} of ${files.length} images${listed}`;
  showChoices(files);
}

/** @param {ListedFile} file */
const text = ({ name, n_outlines: n }) =>
  `${open.has(name) ? "\u25b6 " : ""}${n ? `${name} (${n} outline${n > 1 ? "s" : ""})` : name}`;

/** @param {ListedFile[]} files */
function showChoices(files) {
  const chosen = byId("files").value === "" ? null : files[Number(byId("files").value)];
  byId("exam").disabled = !chosen || chosen.exam.filter((number) => number !== null).length < 2;
  byId("prior").disabled = !chosen || chosen.prior === null;
}
