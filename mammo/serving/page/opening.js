// Opens images in the panes of a stage: files of the reader's, and images of the folder.

import { layoutFor } from "./hanging.js";
import { asked } from "./question.js";
import * as server from "./server.js";

/**
 * @typedef {import("./pane.js").Pane} Pane
 * @typedef {{pane: Pane, file: File | number}} Job
 * @typedef {{begun: (at: number, of: number) => void, ended: (problems: string[], isOpened: boolean) => void}} Listener
 */

export class Opening {
  #latest = 0;

  /**
   * @param {import("./stage.js").Stage} stage
   * @param {Listener} listener called before each image, and at the end with sentences on those that could not be
   *   opened, and whether one was
   * @param {() => Record<string, string>} said what the reader says of an image: laterality, view and spacing
   */
  constructor(stage, listener, said) {
    this.stage = stage;
    this.listener = listener;
    this.said = said;
  }

  /**
   * Open files: one in the next free pane, several as radiologists hang them.
   * @param {File[]} files
   * @param {Pane} [pane] for one file
   */
  async files(files, pane = this.stage.free) {
    const { stage } = this;
    const chosen = files.slice(0, stage.panes.length);
    const left = files.length - chosen.length;
    const notes = left ? [`Four images can be open at once: ${left} of the files were left out.`] : [];
    if (chosen.length === 1) return this.#open([{ pane, file: chosen[0] }], notes);
    const said = this.said();
    if (!(await mayHoldForAll(said, chosen.length))) return;
    const byUse = [...stage.panes].sort((a, b) => Number(Boolean(a.image)) - Number(Boolean(b.image)));
    if (await this.#open(chosen.map((file, n) => ({ pane: byUse[n], file })), notes, said)) stage.hang();
  }

  /**
   * Open an image of the folder in the active pane.
   * @param {number} file
   */
  listed(file) {
    return this.#open([{ pane: this.stage.active, file }]);
  }

  /**
   * Open several images of the folder, each in its pane, that of this number first.
   * @param {(number | null)[]} files by pane
   * @param {number} first
   */
  async together(files, first) {
    const { stage } = this;
    if (!(await mayLose(stage.panes))) return false;
    const jobs = files.flatMap((file, n) => (file === null ? [] : [{ pane: stage.panes[n], file }]));
    this.#closeAll();
    stage.show(layoutFor(files.length));
    jobs.sort((a, b) => Number(b.file === first) - Number(a.file === first));
    stage.activate(jobs[0].pane);
    return this.#open(jobs, [], {});  // the folder states the breast and the view of each
  }

  #closeAll() {
    for (const pane of this.stage.panes) {
      if (pane.image) server.close(pane.image);
      pane.close();
    }
  }

  /**
   * Make room for images of which the first has been opened: those of another exam open alone. False where the reader
   * keeps what would be lost.
   * @param {server.OpenImage} opened
   * @param {Pane[]} wanted
   */
  async #roomFor(opened, wanted) {
    const { stage } = this;
    const shown = stage.panes.filter(({ image }) => image);
    const others = wanted.length === 1 ? shown.filter((pane) => pane !== wanted[0]) : shown;
    const isNew = others.length > 0 && !others.some(({ image }) => image && isOfOne(image, opened));
    if (!(await mayLose(isNew ? shown : wanted))) return false;
    if (!isNew) return true;
    this.#closeAll();
    stage.activate(wanted[0]);
    stage.show(1);
    return true;
  }

  /**
   * Open one image after the other; whether no other choice came meanwhile.
   * @param {Job[]} jobs
   * @param {string[]} problems so far
   * @param {Record<string, string>} said of each of them
   */
  async #open(jobs, problems = [], said = this.said()) {
    const mine = ++this.#latest;
    let isOpened = false;
    for (const [n, { pane, file }] of jobs.entries()) {
      this.listener.begun(n + 1, jobs.length);
      try {
        const opened = await server.open(file, said);
        const pixels = await server.pixels(opened);
        if (mine === this.#latest && !isOpened && !(await this.#roomFor(opened, jobs.map((job) => job.pane)))) {
          server.close(opened);
          break;
        }
        const closed = mine === this.#latest ? pane.image : opened;
        if (closed) server.close(closed);
        if (closed === opened) return false;
        pane.show(opened, pixels, typeof file === "number" ? "" : file.name);
        if (jobs.length === 1) this.stage.activate(pane);
        isOpened = true;
      } catch (error) {
        if (mine !== this.#latest) return false;
        const { message } = /** @type {Error} */ (error);
        problems.push(file instanceof File ? `${file.name}: ${message}` : message);
      }
    }
    if (isOpened && jobs.length > 1 && this.#nPatients > 1) {
      problems.push("The images that are open are of several patients: each has its name.");
    }
    this.listener.ended(problems, isOpened);
    return true;
  }

  get #nPatients() {
    return new Set(this.stage.panes.flatMap(({ image }) => (image ? [image.patient] : []))).size;
  }
}

/**
 * Whether two images are of one exam, as far as is known.
 * @param {server.OpenImage} one
 * @param {server.OpenImage} other
 */
const isOfOne = (one, other) => one.patient === other.patient && one.exam === other.exam;

/**
 * Whether these panes may be closed; asks where an outline would be lost.
 * @param {Pane[]} panes
 */
async function mayLose(panes) {
  const names = panes.filter(({ isDrawn }) => isDrawn).map(({ image, title }) => title || `${image?.laterality} ${image?.view}`);
  if (!names.length) return true;
  const text = `This closes what you have drawn on ${names.join(", ")}. Downloads and saved scores stay.`;
  return asked(text, "Keep what is open", "Close it");
}

/**
 * Whether what was chosen for one file may hold for several; asks where breast or view were chosen.
 * @param {Record<string, string>} said
 * @param {number} n files
 */
async function mayHoldForAll({ laterality, view }, n) {
  if (!laterality && !view) return true;
  const breast = laterality && `the ${laterality === "L" ? "left" : "right"} breast`;
  const text = `You have chosen ${[breast, view].filter(Boolean).join(" and ")}, but opened ${n} files at once: it would hold for ` +
    "each of them that does not state its own. A file that states another is not opened.";
  return asked(text, "Open none, and choose for each", "It holds for all");
}
