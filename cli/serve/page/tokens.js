// Tokens, coloured by what learning says to each of them.

import { html } from "./vendor/preact-htm.js";
import { number } from "./look.js";

export const COLOURINGS = {
  advantage: { name: "advantage", ends: ["pushed away", "pulled"], colours: ["var(--bad)", "var(--good)"] },
  teacher: { name: "teacher log-ratio", ends: ["the teacher doubts", "and wants"], colours: ["var(--trainer)", "var(--teacher)"] },
  surprise: { name: "surprise", ends: ["expected", "surprising"], colours: ["transparent", "var(--warn)"] },
  none: { name: "nothing", ends: [], colours: [] },
};
const DEEP = 3; // nats, or advantages, that are coloured in full

export function Tokens({ message, signals, colouring }) {
  const values = valuesOf(message, signals, colouring);
  return html`<span class="tokens">${message.pieces.map((piece, at) => {
    const value = values[at];
    const ends = at === message.pieces.length - 1 && !piece.trim();
    const title = [
      JSON.stringify(piece), `log-probability ${number(message.logprobs[at])}`,
      ...(value === undefined || colouring === "none" || colouring === "surprise" ? [] : [`${COLOURINGS[colouring].name} ${number(value)}`]),
    ].join("\n");
    return html`<span class=${ends ? "end" : ""} title=${title} style=${{ background: shade(value, colouring) }}>${ends ? "⏎" : piece}</span>`;
  })}</span>`;
}

// What is shown of each token. An answer may train in several samples, which add up; a sample may
// begin with a prefix that is not the answer's own, so both are laid end to end.
function valuesOf(message, signals, colouring) {
  const length = message.pieces.length;
  if (colouring === "surprise") return message.logprobs.map((each) => -each);
  const found = (signals ?? []).map((each) => (colouring === "teacher" ? each.leanings : each.weights)).filter(Boolean);
  if (!found.length || colouring === "none") return [];
  return Array.from({ length }, (_, at) => found.reduce((sum, each) => sum + (each[each.length - length + at] ?? 0), 0));
}

function shade(value, colouring) {
  if (value === undefined || value === null || !Number.isFinite(value) || !COLOURINGS[colouring].colours.length) return "transparent";
  const depth = Math.round(Math.min(1, Math.abs(value) / DEEP) ** 0.7 * 62);
  const [low, high] = COLOURINGS[colouring].colours;
  return `color-mix(in srgb, ${value < 0 ? low : high} ${depth}%, transparent)`;
}

export function Legend({ colouring }) {
  const { ends, colours } = COLOURINGS[colouring];
  if (!ends.length) return null;
  const mixed = (colour) => (colour === "transparent" ? colour : `color-mix(in srgb, ${colour} 62%, transparent)`);
  const middle = colouring === "surprise" ? "" : "transparent, ";
  return html`<span class="legend">${ends[0]}
    <i style=${{ background: `linear-gradient(90deg, ${mixed(colours[0])}, ${middle}${mixed(colours[1])})` }}></i>${ends[1]}</span>`;
}
