// The windows within which authors may edit and delete their messages. The server decides; this only decides the offer.

/** The maximum delay of a timer is not much longer. */
const DAY = 24 * 3_600_000;

/** The actions on the user's own message whose window is open: "edit", "delete". */
export function openWindows(chat, group, { date }) {
  const { edit, remove } = windows(chat);
  const age = Date.now() - Date.parse(date);
  const isAdmin = !group.private && (group.role === "owner" || group.role === "admins");
  return [age < edit && "edit", (isAdmin || age < remove) && "delete"].filter(Boolean);
}

/** The time in ms until a window of one of these messages closes; infinite if none does. */
export function nextEnd(chat, messages) {
  const { edit, remove } = windows(chat);
  let next = Infinity;
  for (const { date } of messages) {
    const age = Date.now() - Date.parse(date);
    for (const window of [edit, remove]) if (age < window) next = Math.min(next, window - age);
  }
  return next === Infinity ? next : Math.min(next, DAY);
}

/** The lengths of both windows in ms. */
function windows(chat) {
  const { edit_window = null, delete_window = null } = chat.offer?.messages ?? {};
  const millis = (seconds) => (seconds === null ? Infinity : seconds * 1000);
  return { edit: millis(edit_window), remove: millis(delete_window) };
}
