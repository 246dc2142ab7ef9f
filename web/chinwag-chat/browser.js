// Parses the browser and the operating system from a `User-Agent`.

/** Browsers whose `User-Agent` also names others come first. */
const BROWSERS = [
  ["Edge", /\bEdg(?:e|A|iOS)?\//u],
  ["Opera", /\bOPR\//u],
  ["Samsung Internet", /\bSamsungBrowser\//u],
  ["Firefox", /\b(?:Firefox|FxiOS)\//u],
  ["Chrome", /\b(?:Chrome|HeadlessChrome|CriOS|Chromium)\//u],
  ["Safari", /\bVersion\/.*\bSafari\//u],
];
const SYSTEMS = [
  ["iOS", /\b(?:iPhone|iPad|iPod)\b/u],
  ["Android", /\bAndroid\b/u],
  ["ChromeOS", /\bCrOS\b/u],
  ["Windows", /\bWindows\b/u],
  ["macOS", /\bMac(?:intosh| OS X)\b/u],
  ["Linux", /\bLinux\b/u],
];

/** The names; empty if unknown. */
export function browserOf(agent) {
  const first = (list) => list.find(([, form]) => form.test(agent))?.[0] ?? "";
  return { browser: first(BROWSERS), system: first(SYSTEMS) };
}
