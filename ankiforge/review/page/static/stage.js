// Cards' frames. They are made once and kept: MathJax is loaded once a frame, and nothing jumps.

const HIGHEST = 4000;
const PATIENCE = 4000; // ms; a card that takes longer to draw must not hold up the keys
const frames = [];

addEventListener("message", (event) => {
  const stage = frames.find((one) => one.element.contentWindow === event.source);
  if (stage && event.data && typeof event.data === "object") stage.heard(event.data);
});

export class Stage {
  settled = Promise.resolve();
  broken = [];
  #ready = false;
  #waiting = null;
  #height = 0;
  #width = 0;
  #settle = () => {};

  // `tell`: called with { key, repeated } or { flip } that happened in the frame.
  constructor(address, tell) {
    this.tell = tell;
    this.element = document.createElement("iframe");
    this.element.setAttribute("sandbox", "allow-scripts");
    this.element.src = address;
    frames.push(this);
  }

  // `keeps`: the same card as before, so it does not shrink; the page below it stands still.
  show(html, { ordinal = 0, dark = false, keeps = false } = {}) {
    this.#settle();
    this.settled = new Promise((resolve) => (this.#settle = resolve));
    setTimeout(this.#settle, PATIENCE);
    if (!keeps) this.#height = 0;
    this.#waiting = { html, ordinal, dark };
    this.#send();
  }

  heard({ height, ready, shown, key, repeated, flip, broken }) {
    if (ready) this.#ready = true;
    if (ready) this.#send();
    if (Number.isFinite(height)) this.#stretch(height);
    if (shown) this.broken = Array.isArray(broken) ? broken : [];
    if (shown) this.#settle();
    if (typeof key === "string") this.tell({ key, repeated: Boolean(repeated) });
    if (flip) this.tell({ flip: true });
  }

  #send() {
    if (this.#ready && this.#waiting) this.element.contentWindow.postMessage(this.#waiting, "*");
  }

  #stretch(height) {
    const width = this.element.clientWidth;
    if (width !== this.#width) [this.#width, this.#height] = [width, 0];
    this.#height = Math.max(this.#height, Math.min(Math.ceil(height), HIGHEST));
    this.element.style.height = `${this.#height}px`;
  }
}
