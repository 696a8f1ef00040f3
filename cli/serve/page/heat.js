// A heat map: which share of a round's tasks has which solve rate, from never (below) to always.

import { html, useEffect, useRef } from "./vendor/preact-htm.js";
import { painted } from "./look.js";

export function Heat({ solves, cut }) {
  const place = useRef(null);
  const rounds = solves?.round ?? [];
  useEffect(() => {
    const canvas = place.current;
    if (!canvas || !rounds.length) return;
    const levels = solves.counts[0].length;
    canvas.width = rounds.length;
    canvas.height = levels;
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, levels);
    solves.counts.forEach((counts, column) => {
      const total = counts.reduce((sum, each) => sum + each, 0) || 1;
      counts.forEach((number, level) => {
        pen.fillStyle = painted("var(--accent)");
        pen.globalAlpha = Math.sqrt(number / total) * (cut !== null && rounds[column] > cut ? 0.25 : 1);
        pen.fillRect(column, levels - 1 - level, 1, 1);
      });
    });
  }, [solves, cut]);
  if (!rounds.length) return html`<p class="quiet">${solves ? "no task was attempted yet" : "reading the log …"}</p>`;
  return html`
    <div class="axis"><span>always</span></div>
    <canvas class="heat" ref=${place} role="img" aria-label="share of tasks by solve rate and round"></canvas>
    <div class="axis"><span>never</span></div>
    <div class="axis"><span>round ${rounds[0]}</span><span>${rounds[rounds.length - 1]}</span></div>`;
}
