// The list of the folder's images: part of a name narrows it, and a choice opens an image, its exam or its prior.

import { byId } from "./elements.js";

/** @typedef {import("./server.js").ListedFile} ListedFile */

const MOST_LISTED = 500;

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
  const listed = found.length > MOST_LISTED ? `, ${MOST_LISTED} listed` : "";
  byId("n-files").textContent = `${found.length} of ${files.length} images${listed}`;
  showChoices(files);
}

/** @param {ListedFile} file */
const text = ({ name, n_outlines: n }) => (n ? `${name} (${n} outline${n > 1 ? "s" : ""})` : name);

/** @param {ListedFile[]} files */
function showChoices(files) {
  const chosen = byId("files").value === "" ? null : files[Number(byId("files").value)];
  byId("exam").disabled = !chosen || chosen.exam.filter((number) => number !== null).length < 2;
  byId("prior").disabled = !chosen || chosen.prior === null;
}
