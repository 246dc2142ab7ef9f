// ThumbHash: a placeholder of about 25 bytes, shown until the thumbnail is loaded. See https://evanw.github.io/thumbhash/.

/** The longer side of the decoded picture in pixels. */
const SIDE = 32;
const OPAQUE = { mean: 1, factors: [] };

/** Decodes the pixels for a picture of this size; null if the hash is invalid. */
export function pixelsOf(base64, { width, height }) {
  const bytes = bytesOf(base64);
  if (bytes.length < 5) return null;
  const colours = read(bytes);
  const scale = SIDE / Math.max(width, height, 1);
  const [columns, rows] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const image = new ImageData(columns, rows);
  const [across, down] = [waves(columns), waves(rows)];
  for (let row = 0, at = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1, at += 4) {
      const [lightness, yellow, red, alpha] = colours.map((colour) => sum(colour, across[column], down[row]));
      const blue = lightness - (2 / 3) * yellow;
      const bright = (3 * lightness - blue + red) / 2;
      image.data.set([bright, bright - red, blue, alpha].map((part) => 255 * part), at);
    }
  }
  return image;
}

function bytesOf(base64) {
  try {
    return Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/** The channels of a hash (lightness, yellow to blue, red to green, opacity): `{mean, factors}`. */
function read(bytes) {
  const first = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const second = bytes[3] | (bytes[4] << 8);
  const hasAlpha = Boolean(first >> 23);
  const isLandscape = Boolean(second >> 15);
  const [most, least] = [hasAlpha ? 5 : 7, second & 7];
  const [across, down] = (isLandscape ? [most, least] : [least, most]).map((count) => Math.max(3, count));
  // Each factor takes four bits.
  let next = (hasAlpha ? 6 : 5) * 2;
  const channel = (mean, scale, columns, rows) => {
    const factors = [];
    for (let row = 0; row < rows; row += 1) {
      for (let column = row ? 0 : 1; column * rows < columns * (rows - row); column += 1, next += 1) {
        factors.push({ row, column, by: ((((bytes[next >> 1] ?? 0) >> ((next & 1) * 4)) & 15) / 7.5 - 1) * scale });
      }
    }
    return { mean, factors };
  };
  const lightness = channel((first & 63) / 63, ((first >> 18) & 31) / 31, across, down);
  // Colours are stored a little too pale.
  const yellow = channel(((first >> 6) & 63) / 31.5 - 1, (((second >> 3) & 63) / 63) * 1.25, 3, 3);
  const red = channel(((first >> 12) & 63) / 31.5 - 1, (((second >> 9) & 63) / 63) * 1.25, 3, 3);
  const alpha = hasAlpha ? channel((bytes[5] & 15) / 15, (bytes[5] >> 4) / 15, 5, 5) : OPAQUE;
  return [lightness, yellow, red, alpha];
}

/** The values of the cosine waves at each pixel of a side. */
const waves = (count) => Array.from({ length: count }, (_, at) => Array.from({ length: 7 }, (_each, wave) => Math.cos((Math.PI / count) * (at + 0.5) * wave)));

const sum = ({ mean, factors }, across, down) => factors.reduce((value, { row, column, by }) => value + 2 * by * across[column] * down[row], mean);
