// Elements of a page: found by their ids, and new ones.

/**
 * An element of the page's own HTML.
 * @param {string} id
 */
export const byId = (id) => /** @type {any} */ (document.getElementById(id));

/** @param {string} tag @param {string} text @param {string} [name] of its class */
export function line(tag, text, name) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

/** @param {string} text an error, which is brought into view; empty where there is none */
export function say(text) {
  byId("message").textContent = text;
  byId("message").hidden = !text;
  if (text) byId("message").scrollIntoView({ block: "nearest" });
}

/** @param {number} share from 0 to 1, as percent whose sign stays on the line of the number */
export const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;

/**
 * A new button at the end of a place.
 * @param {string} place id
 * @param {string} label
 * @param {string} title
 * @param {() => void} click
 */
export function button(place, label, title, click) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: label, title });
  made.addEventListener("click", click);
  byId(place).append(made);
  return made;
}
