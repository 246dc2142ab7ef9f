// A text in one line after a few words that lead to it. Each runs in its own direction, and the text is cut at its own end.

import { html, nothing } from "../vendor/lit.js";

/** The content of an element of the class `led`. `lead` may be empty. */
export const led = (lead, text) => html`${lead ? html`<bdi class="lead">${lead}</bdi> ` : nothing}<bdi class="cut">${text}</bdi>`;
