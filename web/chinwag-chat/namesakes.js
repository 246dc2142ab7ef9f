// Look-alikes of authors in very large groups. The profiles of all members are not loaded in such groups, so the server is
// asked for members whose names look like a displayed one.

/** The number of authors to compare per group, newest first. */
const AUTHORS_MOST = 20;
/** The author itself, and one look-alike. */
const FOUND_MOST = 2;

export class Namesakes {
  #client;
  /** The requests so far: group and display name. */
  #asked = new Set();

  constructor(client) {
    this.#client = client;
  }

  /** Looks for look-alikes of the newest authors of a group. */
  look(group) {
    const client = this.#client;
    const authors = [...new Set(group.messages.map(({ author }) => author).reverse())].filter(Boolean).slice(0, AUTHORS_MOST);
    for (const author of authors) {
      const shown = client.profileOf(author).display_name;
      const key = `${group.id} ${shown}`;
      if (!shown || this.#asked.has(key)) continue;
      this.#asked.add(key);
      client.loadMembers(group.id, { like: shown, limit: FOUND_MOST }).then(
        ({ members }) => members.some(({ name }) => name !== author) && client.noteAlike(author),
        // Retry when the group changes.
        () => this.#asked.delete(key),
      );
    }
  }
}
