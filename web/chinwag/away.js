// Whether the user is looking: a page that nobody has seen for a while says so.

import { isHidden, onVisibility } from "./page.js";

const AFTER = 60_000;

/**
 * Calls `change(false)` when the page has been hidden for a minute, and `change(true)` when it is shown again.
 * @param {(seen: boolean) => void} change
 */
export function watchPage(change) {
  /** @type {number | undefined} */
  let timer;
  onVisibility(() => {
    clearTimeout(timer);
    if (isHidden()) timer = setTimeout(() => change(false), AFTER);
    else change(true);
  });
}
