// The reader's day and time zone, which may change while the page is open.

const LOOK_EVERY = 60_000;

/** Calls `changed` at midnight, and after a change of the time zone. */
export function watchDay(changed, signal) {
  let before = today();
  const look = () => {
    const now = today();
    if (now === before) return;
    before = now;
    changed();
  };
  const timer = setInterval(look, LOOK_EVERY);
  document.addEventListener("visibilitychange", look, { signal });
  signal.addEventListener("abort", () => clearInterval(timer));
}

const today = () => {
  const now = new Date();
  return `${now.toDateString()} ${now.getTimezoneOffset()}`;
};
