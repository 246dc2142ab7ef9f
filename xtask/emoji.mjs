// Generates the lists of emoji from the package emojibase-data. CONTRIBUTING.md describes how to run it.

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const [rgi, component] = [/^\p{RGI_Emoji}$/v, 2];
const bare = (text) => text.replaceAll("\uFE0F", "");
/** The form that UTS 51 recommends. Some emoji of the package have a superfluous variation selector. */
const recommended = (text) => (rgi.test(text) ? text : bare(text));
const listed = (rows) => rows.filter(({ group }) => group !== undefined && group !== component);

const all = listed(require("emojibase-data/en/data.json")).flatMap(({ emoji, skins = [] }) => [emoji, ...skins.map((skin) => skin.emoji)]);
const sorted = all.map(recommended).sort((a, b) => Buffer.compare(Buffer.from(bare(a)), Buffer.from(bare(b))));
if (!sorted.every((emoji) => rgi.test(emoji))) throw new Error("Node and emojibase-data have different versions of Unicode: update the older one");
writeFileSync("crates/core/src/reaction/emoji.txt", `${sorted.join("\n")}\n`);

const { version } = require("emojibase-data/package.json");
const head = `// The emoji of Unicode with their names and keywords: from emojibase-data ${version}, copyright Miles Johnson, MIT (see
// emojibase.LICENSE.txt). Groups, each with rows of an emoji, its name, keywords, and its five skin tones.
`;
for (const lang of ["en", "fr"]) {
  const { groups } = require(`emojibase-data/${lang}/messages.json`);
  const rows = listed(require(`emojibase-data/${lang}/data.json`)).sort((a, b) => a.order - b.order);
  const row = ({ emoji, label, tags = [], skins = [] }) => {
    const keywords = tags.filter((tag) => !label.includes(tag)).join(" ");
    const even = skins.filter(({ tone }) => new Set([tone].flat()).size === 1).sort((a, b) => [a.tone].flat()[0] - [b.tone].flat()[0]);
    const tones = even.map((skin) => recommended(skin.emoji)).join(" ");
    return JSON.stringify([recommended(emoji), label, ...(tones ? [keywords, tones] : keywords ? [keywords] : [])]);
  };
  const part = ({ order, message }) => {
    const title = message[0].toUpperCase() + message.slice(1);
    const own = rows.filter(({ group }) => group === order).map(row);
    const lines = own.map((row, at) => `${row},${at % 12 === 11 ? "\n" : ""}`);
    return `[${JSON.stringify(title)}, [\n${lines.join("")}\n]],\n`;
  };
  const parts = groups.filter(({ order }) => order !== component).map(part);
  writeFileSync(`web/vendor/emoji/${lang}.js`, `${head}export default [\n${parts.join("")}];\n`);
}
