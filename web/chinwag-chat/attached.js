// Files attached to unsent drafts, by conversation, kept while the page is open.

/** The maximum number of files in a message. */
export const FILES_MOST = 10;

export class Attached {
  /** @type {Map<string, File[]>} */
  #files = new Map();
  /** The descriptions of pictures. @type {WeakMap<File, string>} */
  #alts = new WeakMap();

  get isEmpty() {
    return this.#files.size === 0;
  }

  /** @param {string} key */
  of(key) {
    return this.#files.get(key) ?? [];
  }

  /** @param {string} key @param {readonly File[]} files */
  set(key, files) {
    if (files.length) this.#files.set(key, [...files]);
    else this.#files.delete(key);
  }

  /** @param {File} file */
  altOf(file) {
    return this.#alts.get(file) ?? "";
  }

  /** @param {File} file @param {string | null} alt */
  describe(file, alt) {
    this.#alts.set(file, alt ?? "");
  }

  /** The files as they are sent. @param {string} key */
  toSend(key) {
    return this.of(key).map((file) => ({ file, alt: this.altOf(file).trim() || null }));
  }

  clear() {
    this.#files.clear();
  }

  /** Drops the files of conversations that take none any more. @param {(key: string) => boolean} takes */
  keep(takes) {
    for (const key of this.#files.keys()) if (!takes(key)) this.#files.delete(key);
  }

  /** A conversation has another key. */
  move(from, to) {
    const files = this.of(from);
    if (!files.length) return;
    this.set(from, []);
    this.set(to, [...this.of(to), ...files].slice(0, FILES_MOST));
  }
}

/**
 * The files of a paste or a drop: `{files, folders}`, where folders are only names. The browser lists folders as files
 * without content.
 */
export function filesIn(data) {
  const [files, folders] = [[], []];
  for (const item of data.items) {
    const file = item.kind === "file" ? item.getAsFile() : null;
    if (item.webkitGetAsEntry?.()?.isDirectory) folders.push(file?.name ?? "");
    else if (file) files.push(file);
  }
  return { files, folders };
}

/** Whether a paste consists of files. Office programs add a picture to copied text. */
export function isOfFiles({ types }) {
  return types.includes("Files") && !(types.includes("text/plain") && types.includes("text/html"));
}
