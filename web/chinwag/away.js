// Reports whether the page is visible. A page counts as unseen after it was hidden for a minute.

import { isHidden, onVisibility } from "./page.js";

const AFTER = 60_000;

/**
 * Calls `change(false)` when the page has been hidden for a minute, and `change(true)` when it is shown again.
 * @param {(seen: boolean) => void} change
 * @param {AbortSignal} signal stops it, as if the page were shown
 */
export function watchPage(change, signal) {
  /** @type {number | undefined} */
  let timer;
  const look = () => {
    clearTimeout(timer);
    if (isHidden() && !signal.aborted) timer = setTimeout(() => change(false), AFTER);
    else change(true);
  };
  onVisibility(look, { signal });
  signal.addEventListener("abort", look);
  if (isHidden()) look();
}
