// A pane that accepts dropped files, with a notice while files are dragged over it.

import { html, nothing } from "../vendor/lit.js";
import { filesIn } from "./attached.js";

export class Dropping {
  #part;
  #composer;
  /** Whether files are being dragged over the pane. */
  #isOver = false;

  /** @param part the pane @param composer returns its message box */
  constructor(part, composer) {
    this.#part = part;
    this.#composer = composer;
  }

  /** The notice over the pane. */
  get notice() {
    return this.#isOver ? html`<p class="dropping">${this.#part.say("files.drop")}</p>` : nothing;
  }

  over = (event) => {
    if (!this.#takes(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    this.#show(true);
  };

  /** The pointer may have moved to another element of the pane. An element that is removed under it dispatches nothing. */
  leave = ({ currentTarget, relatedTarget }) => currentTarget.contains(relatedTarget) || this.#show(false);

  drop = (event) => {
    if (!this.#takes(event)) return;
    event.preventDefault();
    this.#show(false);
    this.#composer().attach(filesIn(event.dataTransfer));
  };

  #takes({ dataTransfer }) {
    return dataTransfer.types.includes("Files") && Boolean(this.#composer()?.mayAttach);
  }

  #show(isOver) {
    if (isOver === this.#isOver) return;
    this.#isOver = isOver;
    this.#part.requestUpdate();
  }
}
