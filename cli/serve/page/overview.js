// The overview: curves, the society at work, and a slider that takes both back in time.

import { html, useEffect, useMemo, useState } from "./vendor/preact-htm.js";
import { useAnswer } from "./ask.js";
import { Chart } from "./chart.js";
import { Exchanges } from "./exchange.js";
import { Society } from "./graph.js";
import { Heat } from "./heat.js";
import { useKeys } from "./keys.js";
import { ROLES, colourOf, count, duration, seriesLook } from "./look.js";

const STEP = 700; // milliseconds that a round is shown when the run is replayed
const NONE = {};
const AXES = { tokens: count, seconds: duration, version: count };

export function Overview({ run, head }) {
  // while a run is live all of it is asked for again with every round and version
  const beat = `${head.round}.${head.version}.${head.state}`;
  const { value: course, error } = useAnswer("rounds", { run, beat });
  const measured = useAnswer("numbers", { run, beat });
  const [at, setAt] = useState(null); // place among the rounds; null follows the newest
  const [plays, setPlays] = useState(false);
  const rounds = course?.rounds?.round ?? [];
  const last = rounds.length - 1;
  const place = at === null ? last : Math.min(at, last);
  const move = (by) => { setPlays(false); setAt(Math.max(0, Math.min(last, place + by))); };
  const play = () => { if (place >= last) setAt(0); setPlays(!plays); };
  useEffect(() => {
    if (!plays) return undefined;
    const timer = setTimeout(() => (place < last ? setAt(place + 1) : (setPlays(false), setAt(null))), STEP);
    return () => clearTimeout(timer);
  }, [plays, place, last]);
  useKeys({
    ArrowLeft: () => move(-1), ArrowRight: () => move(1), " ": play,
    End: () => { setPlays(false); setAt(null); },
  });
  if (error && !course) return html`<p class="error">${error}</p>`;
  if (!course) return html`<p class="quiet lonely">reading the log …</p>`;
  if (!rounds.length) return html`<p class="quiet lonely">the first policy is being measured …</p>`;
  const round = rounds[place];
  const until = course.rounds.ended[place] ?? head.last_seq;
  const cut = at === null ? null : round;
  return html`
    ${error && html`<p class="error">${error}</p>`}
    <div class="slider">
      <button onClick=${play} aria-label=${plays ? "stop" : "replay"} title="replay (space)">${plays ? "❚❚" : "▶"}</button>
      <input type="range" min="0" max=${last} value=${place} aria-label="round"
        onInput=${(event) => { setPlays(false); setAt(+event.target.value); }} />
      <span class="place">round <b>${round}</b> · event ${count(until)}</span>
      <button class=${at === null ? "on" : ""} onClick=${() => { setPlays(false); setAt(null); }}>${head.state === "live" ? "live" : "end"}</button>
    </div>
    <div class="cards">
      <${Scores} run=${run} beat=${beat} until=${at === null ? null : until} />
      <${Roles} measured=${measured} cut=${cut} />
      <${At} run=${run} course=${course} place=${place} round=${round} head=${head} follows=${at === null} />
      <${Tasks} run=${run} beat=${beat} measured=${measured} cut=${cut} />
    </div>`;
}

function Scores({ run, beat, until }) {
  const { value: curves = NONE, error, fresh } = useAnswer("curves", { run, beat });
  const [axis, setAxis] = useState("tokens");
  const names = Object.keys(curves);
  const suites = [...new Set(names.map((name) => name.split("/")[0]))];
  const [suite, setSuite] = useState(null);
  const shown = suites.includes(suite) ? suite : suites[0];
  const series = useMemo(() => names.filter((name) => name.split("/")[0] === shown).map((name, at) => ({
    label: name.split("/")[1], x: curves[name][axis], y: curves[name].score,
    colour: seriesLook(at).colour, dash: seriesLook(at).dash,
  })), [curves, axis, shown]);
  const first = curves[names[0]];
  const reached = until === null || !first ? null
    : first[axis][first.seq.findLastIndex((seq) => seq <= until)] ?? 0;
  return html`
    <section class="card w7">
      <header>
        <h2>Held-out accuracy</h2>
        ${suites.length > 1 && html`
          <select aria-label="suite" onChange=${(event) => setSuite(event.target.value)}>
            ${suites.map((each) => html`<option selected=${each === shown}>${each}</option>`)}</select>`}
        <span class="set end">${Object.keys(AXES).map((each) => html`
          <button class=${axis === each ? "on" : ""} onClick=${() => setAxis(each)}>${each}</button>`)}</span>
      </header>
      <${Chart} series=${series} height=${250} unit=${axis} axis=${AXES[axis]} cut=${reached} waits=${!fresh} error=${error} />
    </section>`;
}

// the numbers of the health whose names begin so, one line a role
function lines(numbers, name) {
  return ROLES.filter((role) => numbers[name(role)]).map((role) => {
    const found = numbers[name(role)];
    return { label: role, x: found.round, y: found.value, colour: colourOf(role) };
  });
}

function Roles({ measured: { value: numbers = NONE, error, fresh }, cut }) {
  const [what, setWhat] = useState("reward");
  const kinds = {
    reward: [(role) => `reward/${role}/mean`, true],
    entropy: [(role) => `entropy/${role}`, false],
    length: [(role) => `completions/${role}/mean_length`, false],
    informative: [(role) => `groups/${role}`, true],
  };
  const [name, shares] = kinds[what];
  const series = useMemo(() => lines(numbers, name), [numbers, what]);
  return html`
    <section class="card w5">
      <header><h2>By role</h2>
        <span class="set end">${Object.keys(kinds).map((each) => html`
          <button class=${what === each ? "on" : ""} onClick=${() => setWhat(each)}
            title=${each === "informative" ? "share of groups in which rewards differ" : each}>${each}</button>`)}</span>
      </header>
      <${Chart} series=${series} shares=${shares} height=${250} unit="round" cut=${cut} waits=${!fresh} error=${error} />
    </section>`;
}

function At({ run, course, place, round, head, follows }) {
  const [whole, setWhole] = useState(false);
  const until = course.rounds.ended[place] ?? null;
  const after = whole ? 0 : (course.rounds.started[place] ?? 1) - 1;
  // what is still being played is looked at now and then, not with every event
  const beat = until === null ? Math.floor(head.last_seq / 200) : 0;
  const updated = course.versions.version?.indexOf(round) ?? -1;
  const seen = updated >= 0 ? course.versions.seq[updated] : until;
  const { value: flows } = useAnswer("flows", { run, after, until: seen ?? 0, beat });
  const { value: exchanges } = useAnswer("exchanges", { run, until: until ?? 0, beat });
  return html`
    <section class="card w7">
      <header><h2>Who is shown what of whom</h2>
        <span class="quiet">${whole ? `rounds 1 to ${round}` : `round ${round}`}</span>
        <span class="set end">
          <button class=${whole ? "" : "on"} onClick=${() => setWhole(false)}>this round</button>
          <button class=${whole ? "on" : ""} onClick=${() => setWhole(true)}>since the start</button></span>
      </header>
      <${Society} flows=${flows ?? []} run=${run} />
    </section>
    <section class="card w5">
      <header><h2>${follows && head.state === "live" ? "What it says right now" : "What was said"}</h2>
      </header>
      <${Exchanges} exchanges=${exchanges} run=${run} />
    </section>`;
}

function Tasks({ run, beat, measured: { value: numbers = NONE, error, fresh }, cut }) {
  const { value: solves } = useAnswer("solves", { run, beat });
  const one = (name, colour) => {
    const found = numbers[name];
    return found ? { label: name.split("/").slice(1).join(" ") || name, x: found.round, y: found.value, colour } : null;
  };
  const diversity = useMemo(() => [
    one("tasks/distinct", seriesLook(0).colour), one("duplicates/archive", seriesLook(1).colour), one("tasks/valid", seriesLook(2).colour),
  ].filter(Boolean), [numbers]);
  const hardness = useMemo(() => [
    one("tasks/difficulty", seriesLook(3).colour), one("tasks/length", seriesLook(4).colour),
  ].filter(Boolean), [numbers]);
  return html`
    <section class="card w4"><header><h2>How often tasks are solved</h2></header>
      <${Heat} solves=${solves} cut=${cut} /></section>
    <section class="card w4"><header><h2>Diversity of tasks</h2></header>
      <${Chart} series=${diversity} unit="round" cut=${cut} waits=${!fresh} error=${error} /></section>
    <section class="card w4"><header><h2>Size of tasks</h2></header>
      <${Chart} series=${hardness} shares=${false} unit="round" cut=${cut} waits=${!fresh} error=${error} /></section>`;
}
