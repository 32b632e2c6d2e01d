// Draws 12-bit presentation values as gray levels: by WebGL2, and without it by a 2D canvas with the same levels.
//
// Coordinates are (row, col), continuous px of the image's file: pixel (r, c) covers r to r + 1 and c to c + 1. The
// canvas pixel (x, y) shows the image from row + y / scale to row + (y + 1) / scale, and likewise in columns. From one
// canvas pixel per image pixel on, it is the image pixel at its center; below, the mean over that area.

/**
 * @typedef {{values: Uint16Array, rows: number, cols: number}} Pixels values [rows * cols], 0 to 4095
 * @typedef {{row: number, col: number, scale: number}} View upper left corner of the canvas, and canvas px per image px
 * @typedef {{low: number, high: number, inverted: boolean}} Levels whole numbers, low < high: shown black and white
 * @typedef {{draw: (view: View, levels: Levels) => void, free: () => void, name: string}} Renderer
 *   free: gives back what the browser holds for it, of which it has few
 */

/**
 * The gray level, 0 to 255, of a presentation value: nearest to (value - low) / (high - low) * 255, halves upward.
 * @param {number} value
 * @param {Levels} levels
 */
export function grayLevel(value, { low, high, inverted }) {
  const span = high - low;
  const kept = Math.min(Math.max(value, low), high) - low;
  const gray = Math.floor((510 * kept + span) / (2 * span));
  return inverted ? 255 - gray : gray;
}

const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  gl_Position = vec4(corner, 0.0, 1.0);
}`;

// Levels of single pixels are computed in whole numbers, so that every device shows the same.
const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D image;
uniform ivec2 size;
uniform vec2 corner;
uniform float scale;
uniform int height;
uniform ivec2 window;
uniform bool inverted;
out vec4 color;
float mean(vec2 from, vec2 to) {
  ivec2 first = max(ivec2(floor(from)), ivec2(0));
  ivec2 last = min(ivec2(ceil(to)), size) - 1;
  float sum = 0.0, area = 0.0;
  for (int y = first.y; y <= last.y; y++) {
    float h = min(to.y, float(y + 1)) - max(from.y, float(y));
    for (int x = first.x; x <= last.x; x++) {
      float part = h * (min(to.x, float(x + 1)) - max(from.x, float(x)));
      sum += part * float(texelFetch(image, ivec2(x, y), 0).r);
      area += part;
    }
  }
  return area > 0.0 ? sum / area : -1.0;
}
void main() {
  vec2 place = vec2(floor(gl_FragCoord.x), float(height - 1) - floor(gl_FragCoord.y));
  int gray = -1;
  int span = window.y - window.x;
  if (scale >= 1.0) {
    ivec2 at = ivec2(floor(corner + (place + 0.5) / scale));
    if (all(greaterThanEqual(at, ivec2(0))) && all(lessThan(at, size))) {
      int kept = clamp(int(texelFetch(image, at, 0).r), window.x, window.y) - window.x;
      gray = (510 * kept + span) / (2 * span);
    }
  } else {
    float value = mean(corner + place / scale, corner + (place + 1.0) / scale);
    if (value >= 0.0) {
      gray = int(floor(255.0 * (clamp(value, float(window.x), float(window.y)) - float(window.x)) / float(span) + 0.5));
    }
  }
  float shown = gray < 0 ? 0.0 : float(inverted ? 255 - gray : gray) / 255.0;
  color = vec4(shown, shown, shown, 1.0);
}`;

/**
 * A renderer of these pixels on a canvas: by WebGL2 where it can hold them.
 * @param {HTMLCanvasElement} canvas that has no context yet
 * @param {Pixels} pixels
 * @param {boolean} wanted whether WebGL2 is tried
 * @returns {Renderer}
 */
export function rendererOf(canvas, pixels, wanted) {
  const options = { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true };
  const gl = wanted ? /** @type {WebGL2RenderingContext | null} */ (canvas.getContext("webgl2", options)) : null;
  if (gl && Math.max(pixels.rows, pixels.cols) <= gl.getParameter(gl.MAX_TEXTURE_SIZE)) return byWebgl(gl, pixels);
  return byCanvas(gl ? replaced(canvas) : canvas, pixels);
}

/**
 * A canvas without a context in place of one that has another.
 * @param {HTMLCanvasElement} canvas
 */
export function replaced(canvas) {
  const fresh = /** @type {HTMLCanvasElement} */ (canvas.cloneNode());
  canvas.replaceWith(fresh);
  return fresh;
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {Pixels} pixels
 * @returns {Renderer}
 */
function byWebgl(gl, { values, rows, cols }) {
  const program = /** @type {WebGLProgram} */ (gl.createProgram());
  for (const [kind, text] of /** @type {[number, string][]} */ ([
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ])) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "WebGL2");
  gl.useProgram(program);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 2);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.R16UI, cols, rows, 0, gl.RED_INTEGER, gl.UNSIGNED_SHORT, values);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  /** @param {string} name */
  const place = (name) => gl.getUniformLocation(program, name);
  return {
    name: "WebGL2",
    free: () => gl.getExtension("WEBGL_lose_context")?.loseContext(),
    draw(view, { low, high, inverted }) {
      gl.viewport(0, 0, gl.canvas.width, gl.canvas.height);
      gl.uniform2i(place("size"), cols, rows);
      gl.uniform2f(place("corner"), view.col, view.row);
      gl.uniform1f(place("scale"), view.scale);
      gl.uniform1i(place("height"), gl.canvas.height);
      gl.uniform2i(place("window"), low, high);
      gl.uniform1i(place("inverted"), inverted ? 1 : 0);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    },
  };
}

/**
 * A renderer without WebGL2.
 * @param {HTMLCanvasElement} canvas
 * @param {Pixels} pixels
 * @returns {Renderer}
 */
export function byCanvas(canvas, pixels) {
  // Not { alpha: false }: over a WebGL2 canvas, Chromium leaves the wrong part of that one out then.
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  return {
    name: "2D canvas",
    free: () => {},
    draw(view, levels) {
      const image = context.createImageData(canvas.width, canvas.height);
      const shown = new Uint32Array(image.data.buffer).fill(0xff000000);
      if (view.scale >= 1) drawNearest(shown, canvas.width, canvas.height, pixels, view, levels);
      else drawMean(shown, canvas.width, canvas.height, pixels, view, levels);
      context.putImageData(image, 0, 0);
    },
  };
}

/** @param {number} gray */
const opaque = (gray) => (0xff000000 | (gray * 0x010101)) >>> 0;

/**
 * @param {Uint32Array} shown
 * @param {number} width
 * @param {number} height
 * @param {Pixels} pixels
 * @param {View} view
 * @param {Levels} levels
 */
function drawNearest(shown, width, height, { values, rows, cols }, view, levels) {
  const table = Uint32Array.from({ length: 4096 }, (_, value) => opaque(grayLevel(value, levels)));
  for (let y = 0; y < height; y++) {
    const row = Math.floor(view.row + (y + 0.5) / view.scale);
    if (row < 0 || row >= rows) continue;
    for (let x = 0; x < width; x++) {
      const col = Math.floor(view.col + (x + 0.5) / view.scale);
      if (col >= 0 && col < cols) shown[y * width + x] = table[values[row * cols + col]];
    }
  }
}

/**
 * @param {Uint32Array} shown
 * @param {number} width
 * @param {number} height
 * @param {Pixels} pixels
 * @param {View} view
 * @param {Levels} levels
 */
function drawMean(shown, width, height, { values, rows, cols }, view, { low, high, inverted }) {
  const across = Array.from({ length: width }, (_, x) => spanOf(view.col + x / view.scale, 1 / view.scale, cols));
  for (let y = 0; y < height; y++) {
    const down = spanOf(view.row + y / view.scale, 1 / view.scale, rows);
    if (down.last < down.first) continue;
    for (let x = 0; x < width; x++) {
      const { first, last, from, to } = across[x];
      let sum = 0;
      let area = 0;
      for (let row = down.first; row <= down.last; row++) {
        const high = Math.min(down.to, row + 1) - Math.max(down.from, row);
        for (let col = first; col <= last; col++) {
          const part = high * (Math.min(to, col + 1) - Math.max(from, col));
          sum += part * values[row * cols + col];
          area += part;
        }
      }
      if (area <= 0) continue;
      const kept = Math.min(Math.max(sum / area, low), high) - low;
      const gray = Math.floor((255 * kept) / (high - low) + 0.5);
      shown[y * width + x] = opaque(inverted ? 255 - gray : gray);
    }
  }
}

/**
 * The image pixels that a canvas pixel covers in one direction.
 * @param {number} from
 * @param {number} length
 * @param {number} most
 */
function spanOf(from, length, most) {
  const to = from + length;
  return { from, to, first: Math.max(Math.floor(from), 0), last: Math.min(Math.ceil(to), most) - 1 };
}
