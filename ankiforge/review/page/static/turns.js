// Keys wait their turn: each is done to what is shown once all before it are done.

export class Turns {
  #line = [];
  #running = false;

  constructor(busy) {
    this.busy = busy;
  }

  get idle() {
    return !this.#running;
  }

  take(work) {
    this.#line.push(work);
    if (!this.#running) this.#run();
  }

  // What was meant for later cards must not be done to this one.
  drop() {
    this.#line = [];
  }

  async #run() {
    this.#running = true;
    this.busy(true);
    while (this.#line.length) await this.#line.shift()();
    this.#running = false;
    this.busy(false);
  }
}
