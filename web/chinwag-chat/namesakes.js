// Members of very large groups whose names look like the names of those who write there. The profiles of all members are not
// looked up in such groups: the server is asked for members whose names look like the display names that are shown.

/** So many authors of a group are compared, from the newest message on. */
const AUTHORS_MOST = 20;
/** The author itself, and another one, who is enough. */
const FOUND_MOST = 2;

export class Namesakes {
  #client;
  /** The requests so far: a group and a display name. */
  #asked = new Set();

  constructor(client) {
    this.#client = client;
  }

  /** Looks for members with the names of the newest authors of a group. */
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
        // It is asked again when the group changes.
        () => this.#asked.delete(key),
      );
    }
  }
}
