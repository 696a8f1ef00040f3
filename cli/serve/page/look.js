// The look of things: colours of those who speak, and numbers in few characters.

export const ROLES = ["examiner", "solver", "critic", "guide", "teacher"];

const SPEAKERS = new Set([...ROLES, "environment", "society", "trainer", "episode"]);
const SERIES = ["#3566c8", "#d07a00", "#2f8f46", "#b0479f", "#0092a8", "#a05a2c", "#6a5acd", "#7a8699"];
const DASHES = [[], [6, 3], [2, 3], [9, 3, 2, 3]];

export const colourOf = (who) => `var(--${SPEAKERS.has(who) ? who : "other"})`;

// uPlot paints on a canvas, which knows no variables of a style sheet
export function painted(colour) {
  const name = /^var\((.*)\)$/.exec(colour);
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name[1]).trim() : colour;
}

export const seriesLook = (at) => ({
  colour: SERIES[at % SERIES.length],
  dash: DASHES[Math.floor(at / SERIES.length) % DASHES.length],
});

export function count(number) {
  if (number === null || number === undefined) return "–";
  if (Math.abs(number) < 1000) return `${Math.round(number * 100) / 100}`;
  const [size, unit] = Math.abs(number) < 1e6 ? [1e3, "k"] : [1e6, "M"];
  return `${(number / size).toPrecision(3)}${unit}`;
}

export function share(value) {
  if (value === null || value === undefined) return "–";
  return value.toFixed(2).replace(/^(-?)0\./, "$1.");
}

export function number(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(+value.toPrecision(4));
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(seconds);
  const two = (part) => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export const words = (kind) => kind.replaceAll("_", " ");

export const path = (...parts) => `#/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
