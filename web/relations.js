// Who is whose contact, who invited and who blocked whom, seen from the signed-in user.

export class Relations {
  constructor({ contacts = [], blockeds = [], blocked_by = [], invitations = [], invited_by = [] } = {}) {
    this.contacts = new Set(contacts);
    this.blockeds = new Set(blockeds);
    this.blocked_by = new Set(blocked_by);
    this.invitations = new Set(invitations);
    this.invited_by = new Set(invited_by);
  }

  get sets() {
    return Object.values(this);
  }

  // What follows are the operations of `contact.update`, by their names. `mine` says whether the signed-in user did
  // it, `other` is the other person.

  contact(other) {
    this.#drop(other);
    this.contacts.add(other);
  }

  invitation(other, mine) {
    (mine ? this.invitations : this.invited_by).add(other);
  }

  deny(other, mine) {
    (mine ? this.invited_by : this.invitations).delete(other);
  }

  // A block outlives what the blocked person does: each side's block is only its own to lift.
  remove(other, mine) {
    this.#drop(other);
    (mine ? this.blockeds : this.blocked_by).delete(other);
  }

  block(other, mine) {
    this.#drop(other);
    (mine ? this.blockeds : this.blocked_by).add(other);
  }

  #drop(other) {
    for (const set of [this.contacts, this.invitations, this.invited_by]) set.delete(other);
  }
}
