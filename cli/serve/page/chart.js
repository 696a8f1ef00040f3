// A chart: lines over a common axis, painted by uPlot.

import { html, useEffect, useMemo, useRef } from "./vendor/preact-htm.js";
import uPlot from "./vendor/uplot.js";
import { count, painted, share } from "./look.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

// series: [{label, x, y, colour, dash}], each with an axis of its own; they are joined
export function Chart({ series, height = 170, shares = true, unit = "", cut, axis = count, waits = false, error = "" }) {
  const place = useRef(null);
  const plot = useRef(null);
  const cutAt = useRef(cut);
  cutAt.current = cut;
  const data = useMemo(() => joined(series), [series]);
  const shape = JSON.stringify([series.map((each) => [each.label, each.colour]), height, shares, unit, dark.matches]);
  useEffect(() => {
    if (!series.length) return undefined;
    const made = new uPlot(options(series, { height, shares, unit, cutAt, axis }), data, place.current);
    plot.current = made;
    const resized = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width && width !== made.width) made.setSize({ width, height });
    });
    resized.observe(place.current);
    return () => { resized.disconnect(); made.destroy(); plot.current = null; };
  }, [shape]);
  useEffect(() => { plot.current?.setData(data); }, [data]);
  useEffect(() => { plot.current?.redraw(false, false); }, [cut]);
  return html`<div class="chart" ref=${place} data-points=${series.reduce((sum, each) => sum + each.x.length, 0)}>
    ${!series.length && html`<p class=${error ? "error" : "quiet"}>${error || (waits ? "reading the log …" : "nothing was measured yet")}</p>`}</div>`;
}

function joined(series) {
  if (!series.length) return [[]];
  return uPlot.join(series.map((each) => [each.x, each.y]));
}

function options(series, { height, shares, unit, cutAt, axis }) {
  const ink = painted("var(--quiet)");
  const grid = { stroke: painted("var(--line)"), width: 1 };
  const drawCut = (plot) => {
    if (cutAt.current === undefined || cutAt.current === null) return;
    const { left, top, width, height: tall } = plot.bbox;
    const at = Math.min(Math.max(plot.valToPos(cutAt.current, "x", true), left), left + width);
    plot.ctx.save();
    plot.ctx.fillStyle = painted("var(--sheet)");
    plot.ctx.globalAlpha = 0.72;
    plot.ctx.fillRect(at, top, left + width - at, tall);
    plot.ctx.globalAlpha = 1;
    plot.ctx.fillStyle = painted("var(--accent)");
    plot.ctx.fillRect(at - 1, top, 2, tall);
    plot.ctx.restore();
  };
  const told = (value) => (value === null || value === undefined ? "–" : shares ? share(value) : count(value));
  return {
    width: 320,
    height,
    scales: {
      x: { time: false },
      y: { range: (_, low, high) => (shares ? [Math.min(0, low ?? 0), Math.max(1, high ?? 1)] : roomy(low, high)) },
    },
    axes: [
      { stroke: ink, grid: { show: false }, ticks: grid, size: 34, label: unit, labelSize: 16, labelFont: "11px system-ui", font: "11px system-ui", values: (_, all) => all.map(axis), space: 60 },
      { stroke: ink, grid, ticks: { show: false }, size: 42, font: "11px system-ui", values: (_, all) => all.map(told), space: 34 },
    ],
    series: [
      { label: unit || "x", value: (plot, value) => axis(value ?? last(plot.data[0])) },
      ...series.map((each) => ({
        label: each.label,
        stroke: painted(each.colour),
        dash: each.dash,
        width: 1.6,
        spanGaps: true,
        points: { show: each.x.length < 30, size: 4 },
        value: (plot, value, at) => told(value ?? (plot.cursor.idx === null || plot.cursor.idx === undefined ? last(plot.data[at]) : null)),
      })),
    ],
    legend: { live: true },
    cursor: { y: false, points: { size: 6 }, sync: { key: unit } },
    hooks: { draw: [drawCut] },
  };
}

const last = (values) => values.findLast((value) => value !== null && value !== undefined);

function roomy(low, high) {
  if (low === null || low === undefined) return [0, 1];
  const least = Math.min(0, low);
  return [least, high > least ? high + (high - least) * 0.05 : least + 1];
}
