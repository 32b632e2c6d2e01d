// Requests to the server. An error is one sentence that the page shows.

/**
 * @typedef {{id: string, points: [number, number][], is_exact: boolean}} Known an outline that a file gives; is_exact:
 *   whether the points enclose all that is scored, and nothing else
 * @typedef {{key: string, name: string, patient: string, exam: string, rows: number, cols: number, spacing_mm: number,
 *   laterality: string, view: string,
 *   faces_left: boolean, flags: string[], problems: string[], known: Known[], no_results: string}} OpenImage
 *   name: in the folder's list, empty for an upload; patient and exam: alike for images of one, empty where unknown
 * @typedef {{name: string, n_outlines: number, exam: (number | null)[], prior: number | null}} ListedFile
 *   exam: the numbers of the images of its exam, by pane; prior: of the same view of an earlier exam
 */

/**
 * @param {string} path
 * @param {RequestInit} [init]
 */
async function answered(path, init) {
  let answer;
  try {
    answer = await fetch(path, init);
  } catch {
    throw new Error("The server does not answer: see whether mammo serve still runs.");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let sentence = text;
  try {
    sentence = JSON.parse(text).detail;
  } catch {
    // plain text
  }
  throw new Error(typeof sentence === "string" ? sentence : `The server answered with status ${answer.status}.`);
}

/** @param {string} path */
export const read = async (path) => (await answered(path)).json();

/** Largest file that the server takes, MiB. */
const MOST_MIB = 256;

/**
 * Open an image: a file of the reader's, or one of the folder.
 * @param {File | number} file
 * @param {Record<string, string>} said laterality, view and spacing, where the file does not say
 * @returns {Promise<OpenImage>}
 */
export async function open(file, said) {
  const query = new URLSearchParams(Object.entries(said).filter(([, value]) => value));
  if (typeof file === "number") query.set("file", String(file));
  const init = typeof file === "number" ? { method: "POST" } : upload(file);
  return (await answered(`/api/images?${query}`, init)).json();
}

/**
 * A request with a file as its body.
 * @param {File} body
 * @returns {RequestInit}
 */
function upload(body) {
  if (body.size > MOST_MIB * 2 ** 20) {
    throw new Error(`The file has more than ${MOST_MIB} MiB, the most that are taken: choose a smaller one.`);
  }
  return { method: "POST", body, headers: { "content-type": "application/octet-stream" } };
}

/**
 * Close an image that is shown no more.
 * @param {OpenImage} image
 */
export function close({ key }) {
  answered(`/api/images/${key}`, { method: "DELETE" }).catch(() => {});  // the server closes the oldest by itself
}

/**
 * Read the outlines that a file has for an image.
 * @param {OpenImage} image
 * @param {string} name of the image's file; empty for an image of the folder
 * @param {File} file a DICOM SEG object, a COCO file or a table of lesions
 * @returns {Promise<{known: Known[], problems: string[]}>} all outlines of the image, those of the file last
 */
export async function outlines({ key }, name, file) {
  const query = new URLSearchParams({ name: file.name, image: name });
  return (await answered(`/api/images/${key}/outlines?${query}`, upload(file))).json();
}

/**
 * The presentation values of an image.
 * @param {OpenImage} image
 */
export const pixels = ({ key, rows, cols }) => pixelsAt(`/api/images/${key}/pixels`, rows, cols);

/**
 * The presentation values at an address.
 * @param {string} path
 * @param {number} rows
 * @param {number} cols
 * @returns {Promise<import("./gray.js").Pixels>}
 */
export async function pixelsAt(path, rows, cols) {
  const bytes = await (await answered(path)).arrayBuffer();
  const values = new Uint16Array(rows * cols);
  const source = new DataView(bytes);
  if (new Uint8Array(Uint16Array.of(1).buffer)[0]) values.set(new Uint16Array(bytes));
  else values.forEach((_, n) => (values[n] = source.getUint16(2 * n, true)));
  return { values, rows, cols };
}

/**
 * @param {string} key
 * @param {object} outline
 */
export const score = (key, outline) => post(`/api/images/${key}/score`, outline);

/**
 * The JSON answer to JSON.
 * @param {string} path
 * @param {object} content
 */
export async function post(path, content) {
  const init = { method: "POST", body: JSON.stringify(content), headers: { "content-type": "application/json" } };
  return (await answered(path, init)).json();
}

/**
 * The address of a result of a score. The server has those of an image's last one only.
 * @param {string} key of the image
 * @param {string} name
 * @param {{number: number}} answer the score
 */
export const resultOf = (key, name, { number }) => `/api/images/${key}/${name}?score=${number}`;

/**
 * Send the DICOM results of a score to the peer.
 * @param {string} key of the image
 * @param {{number: number}} answer
 * @returns {Promise<{sent: string}>}
 */
export async function send(key, answer) {
  return (await answered(resultOf(key, "send", answer), { method: "POST" })).json();
}
