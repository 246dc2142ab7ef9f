// The opening of the search, whose parts are loaded when it is first opened.

/** Whether the server offers a search. */
export const isSearchable = ({ offer }) => offer?.features?.includes("search") ?? false;

/** Opens a new search, of one conversation (the id of a group) or of everything. */
export async function openSearch(chat, group = "") {
  try {
    const [{ Finder }] = await Promise.all([import("./search.js"), chat.words.loadSearch()]);
    chat.finder?.end();
    chat.finder = new Finder(chat, group);
    chat.show({ dialog: "search", card: null });
  } catch (error) {
    console.error(error);
    chat.notify(chat.words.say("search.failed"));
  }
}

/** Whether a key press opens the search: Ctrl K, on a Mac ⌘ K, in every layout of keys. */
export function opensSearch({ key, code, ctrlKey, metaKey, altKey, shiftKey }) {
  const isLetter = /^[a-z]$/iu.test(key) ? key.toLowerCase() === "k" : code === "KeyK";
  return isLetter && (ctrlKey || metaKey) && !altKey && !shiftKey;
}
