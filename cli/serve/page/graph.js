// The society as a graph: who is shown what of whom, and how much of it.

import { html, useState } from "./vendor/preact-htm.js";
import { colourOf, count, path, words } from "./look.js";

const PLACES = {
  society: [75, 45], examiner: [190, 165], guide: [375, 50], solver: [385, 215], critic: [590, 110],
  teacher: [625, 265], environment: [85, 330], trainer: [385, 375],
};
const NODE = [104, 30];

export function Society({ flows, run }) {
  const [chosen, setChosen] = useState(null);
  const edges = gathered(flows);
  const most = Math.max(1, ...edges.map((edge) => edge.count));
  const there = new Set(flows.flatMap((flow) => [flow.said_by, flow.heard_by]));
  const picked = edges.find((edge) => edge.name === chosen);
  return html`
    <svg class="graph" viewBox="0 0 700 420" role="group" aria-label="who is shown what of whom">
      ${edges.map((edge) => html`<${Edge} key=${edge.name} edge=${edge} most=${most} on=${edge.name === chosen}
        choose=${() => setChosen(edge.name === chosen ? null : edge.name)} />`)}
      ${Object.entries(PLACES).map(([who, [x, y]]) => html`
        <g opacity=${there.has(who) ? 1 : 0.25} key=${who}>
          <rect x=${x - NODE[0] / 2} y=${y - NODE[1] / 2} width=${NODE[0]} height=${NODE[1]} rx="15" fill=${colourOf(who)} />
          <text x=${x} y=${y + 1}>${who}</text>
        </g>`)}
    </svg>
    ${picked ? html`
      <table class="plain"><tbody>${picked.flows.map((flow) => html`
        <tr><td><span class="who" style=${{ color: colourOf(flow.said_by) }}>${flow.said_by}</span> → ${flow.heard_by}</td>
          <td>${words(flow.what)}</td><td class="n">${flow.count}</td>
          <td>${flow.episode && html`<a href=${path("run", run, "episodes", "", flow.episode)}>the last: ${flow.episode}</a>`}</td></tr>`)}</tbody></table>`
    : html`<p class="quiet">${flows.length ? "an arrow tells what it carries" : "nothing was said yet"}</p>`}`;
}

function gathered(flows) {
  const edges = new Map();
  for (const flow of flows) {
    if (!PLACES[flow.said_by] || !PLACES[flow.heard_by]) continue;
    const name = `${flow.said_by} to ${flow.heard_by}`;
    const edge = edges.get(name) ?? { name, from: flow.said_by, to: flow.heard_by, count: 0, flows: [] };
    edge.count += flow.count;
    edge.flows.push(flow);
    edges.set(name, edge);
  }
  return [...edges.values()].sort((one, other) => other.count - one.count);
}

function Edge({ edge, most, on, choose }) {
  const { line, tip, middle } = shape(edge);
  const width = 1.5 + 5 * (Math.log1p(edge.count) / Math.log1p(most));
  const colour = colourOf(edge.from);
  const label = `${edge.name}: ${edge.flows.map((flow) => `${flow.count} ${words(flow.what)}`).join(", ")}`;
  const key = (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(); } };
  return html`
    <g>
      <path class="reach" d=${line} onClick=${choose} />
      <path class=${`edge ${on ? "on" : ""}`} d=${line} stroke=${colour} color=${colour} stroke-width=${width}
        tabindex="0" role="button" aria-label=${label} onClick=${choose} onKeyDown=${key}><title>${label}</title></path>
      <path class="flow" d=${line} stroke-width=${width * 0.45} stroke-dasharray="3 21"
        style=${{ animationDuration: `${(9 - 1.15 * Math.log1p(edge.count)).toFixed(2)}s` }} />
      <path d=${tip} fill=${colour} />
      ${(on || edge.count === most) && html`<text class="count" x=${middle[0]} y=${middle[1]}>${count(edge.count)}</text>`}
    </g>`;
}

// a curve from rim to rim, bent to its left, so that two directions lie side by side
function shape({ from, to }) {
  const [x1, y1] = PLACES[from];
  if (from === to) {
    const [x, y] = [x1 - 26, y1 - NODE[1] / 2];
    return {
      line: `M ${x} ${y} C ${x - 26} ${y - 44}, ${x + 40} ${y - 44}, ${x + 14} ${y - 5}`,
      tip: arrow(x + 14, y, Math.PI / 2 + 0.35), middle: [x, y - 40],
    };
  }
  const [x2, y2] = PLACES[to];
  const [dx, dy] = [x2 - x1, y2 - y1];
  const far = Math.hypot(dx, dy);
  const bend = Math.min(34, far * 0.14);
  const [mx, my] = [(x1 + x2) / 2 + (dy / far) * bend, (y1 + y2) / 2 - (dx / far) * bend];
  const start = rim(x1, y1, mx, my, 2);
  const end = rim(x2, y2, mx, my, 9);
  const angle = Math.atan2(y2 - my, x2 - mx);
  const [ex, ey] = rim(x2, y2, mx, my, 1);
  return {
    line: `M ${start.join(" ")} Q ${mx} ${my} ${end.join(" ")}`,
    tip: arrow(ex, ey, angle),
    middle: [(start[0] + 2 * mx + end[0]) / 4, (start[1] + 2 * my + end[1]) / 4],
  };
}

function rim(x, y, towardsX, towardsY, gap) {
  const [dx, dy] = [towardsX - x, towardsY - y];
  const far = Math.hypot(dx, dy) || 1;
  const reach = Math.min((NODE[0] / 2 + gap) / (Math.abs(dx) / far || 1e-9), (NODE[1] / 2 + gap) / (Math.abs(dy) / far || 1e-9));
  return [+(x + (dx / far) * reach).toFixed(1), +(y + (dy / far) * reach).toFixed(1)];
}

function arrow(x, y, angle) {
  const at = (turn, far) => `${(x - Math.cos(angle + turn) * far).toFixed(1)} ${(y - Math.sin(angle + turn) * far).toFixed(1)}`;
  return `M ${x} ${y} L ${at(0.42, 11)} L ${at(-0.42, 11)} Z`;
}
