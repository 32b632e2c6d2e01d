// How long a case was read, without the time in which the computer slept.

const TICK_MS = 1000;
/** Most time between two ticks that counts. A browser runs the timers of a hidden page once a minute, those of a sleeping computer never. */
const MOST_MS = 90_000;

/**
 * A clock that stands still while the computer sleeps. performance.now() does so on some systems and goes on on others;
 * timers run nowhere then, so that a long gap between two of their ticks is a sleep.
 */
export class Stopwatch {
  #ms = 0;
  #last = 0;

  constructor() {
    setInterval(() => this.#count(), TICK_MS);
  }

  restart() {
    this.#ms = 0;
    this.#last = performance.now();
  }

  get seconds() {
    this.#count();
    return this.#ms / 1000;
  }

  #count() {
    const now = performance.now();
    const passed = now - this.#last;
    if (passed < MOST_MS) this.#ms += passed;
    this.#last = now;
  }
}
