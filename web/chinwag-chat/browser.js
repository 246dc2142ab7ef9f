// The browser and the system that a `User-Agent` names.

/** Browsers that call themselves like others as well come first. */
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

/** Their names; empty where none is known. */
export function browserOf(agent) {
  const first = (list) => list.find(([, form]) => form.test(agent))?.[0] ?? "";
  return { browser: first(BROWSERS), system: first(SYSTEMS) };
}
