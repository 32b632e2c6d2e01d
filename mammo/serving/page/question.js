// A question before something of the reader's is lost, or is taken for what it may not be.

import { byId } from "./elements.js";

/**
 * Ask whether to go on; Escape is a no.
 * @param {string} text
 * @param {string} no label of the button that changes nothing
 * @param {string} yes label of the other one
 * @returns {Promise<boolean>}
 */
export function asked(text, no, yes) {
  byId("ask-text").textContent = text;
  byId("ask-keep").textContent = no;
  byId("ask-go-on").textContent = yes;
  byId("ask").returnValue = "";
  byId("ask").showModal();
  byId("ask-keep").onclick = () => byId("ask").close("");
  byId("ask-go-on").onclick = () => byId("ask").close("go on");
  return new Promise((done) => byId("ask").addEventListener("close", () => done(byId("ask").returnValue === "go on"), { once: true }));
}
