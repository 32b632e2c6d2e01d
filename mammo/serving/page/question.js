// A question before something of the reader's is lost.

import { byId } from "./elements.js";

/**
 * Ask whether to go on; Escape is a no.
 * @param {string} text
 * @returns {Promise<boolean>}
 */
export function asked(text) {
  byId("ask-text").textContent = text;
  byId("ask").returnValue = "";
  byId("ask").showModal();
  byId("ask-keep").onclick = () => byId("ask").close("");
  byId("ask-go-on").onclick = () => byId("ask").close("go on");
  return new Promise((done) => byId("ask").addEventListener("close", () => done(byId("ask").returnValue === "go on"), { once: true }));
}
