// The positions of the rows of a long list, of which only some have been measured. No DOM here.

const ESTIMATE = 64;
/** The estimated letters per line, more than in most lines: too low an estimate of a height only renders more rows. */
const LINE_LENGTH = 100;
const LINE_HEIGHT = 20;

export class Heights {
  #keys = [];
  #measured = new Map();
  /** The top of each row, and the end of the list. */
  #tops = new Float64Array(1);
  /** Tops up to this row are correct. */
  #right = 0;
  #lengths = (_index) => 0;

  get count() {
    return this.#keys.length;
  }

  get total() {
    return this.top(this.count);
  }

  /**
   * Sets the rows by their keys. Measurements of rows that remain are kept. The heights of long texts are estimated from
   * their length: otherwise many such rows would be rendered only to be measured.
   */
  reset(keys, lengths) {
    this.#lengths = lengths;
    const before = this.#keys;
    let same = 0;
    while (same < keys.length && same < before.length && keys[same] === before[same]) same += 1;
    this.#keys = keys;
    this.#right = Math.min(this.#right, same);
    if (this.#tops.length <= keys.length) {
      const tops = new Float64Array(Math.max(64, keys.length * 2) + 1);
      tops.set(this.#tops.subarray(0, this.#right + 1));
      this.#tops = tops;
    }
    if (!keys.length) this.forget();
  }

  /** Discards all measurements, because the width of the list has changed. */
  forget() {
    this.#measured.clear();
    this.#right = 0;
  }

  /** Sets the height of a row. Returns whether it has changed. */
  measure(index, height) {
    const key = this.#keys[index];
    if (key === undefined || Math.abs((this.#measured.get(key) ?? -1) - height) < 0.5) return false;
    this.#measured.set(key, height);
    this.#right = Math.min(this.#right, index);
    return true;
  }

  /** The distance of a row from the beginning of the list. */
  top(index) {
    for (let row = this.#right; row < index; row += 1) {
      this.#tops[row + 1] = this.#tops[row] + (this.#measured.get(this.#keys[row]) ?? this.#estimate(row));
    }
    this.#right = Math.max(this.#right, index);
    return this.#tops[index];
  }

  #estimate(row) {
    return ESTIMATE + Math.floor(this.#lengths(row) / LINE_LENGTH) * LINE_HEIGHT;
  }

  /** The row at this distance from the beginning. */
  at(distance) {
    this.top(this.count);
    let [low, high] = [0, Math.max(0, this.count - 1)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#tops[middle] <= distance) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  key(index) {
    return this.#keys[index];
  }

  indexOf(key, near = 0) {
    return this.#keys[near] === key ? near : this.#keys.lastIndexOf(key);
  }
}
