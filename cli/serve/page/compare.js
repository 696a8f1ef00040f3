// Compare: curves of several runs on common axes, and of two where they part.

import { html, useEffect, useMemo, useState } from "./vendor/preact-htm.js";
import { ask, told, useAnswer } from "./ask.js";
import { Chart } from "./chart.js";
import { ROLES, colourOf, count, duration, number, path, seriesLook, share, words } from "./look.js";
import { useRuns } from "./runs.js";

const AXES = { tokens: count, seconds: duration, version: count };

export function Compare({ names }) {
  const { runs, error } = useRuns();
  const toggle = (name) => {
    const chosen = names.includes(name) ? names.filter((each) => each !== name) : [...names, name];
    location.hash = path("compare", chosen.join(","));
  };
  if (error && !runs) return html`<p class="error">${error}</p>`;
  return html`
    <div class="bar"><h1>Compare</h1>
      ${(runs ?? []).map((run) => html`
        <button key=${run.name} class=${names.includes(run.name) ? "on" : ""} onClick=${() => toggle(run.name)}>${run.name}</button>`)}
    </div>
    ${names.length ? html`<${Curves} names=${names} />` : html`<p class="quiet lonely">choose runs; of two it is shown where they part</p>`}
    ${names.length === 2 && html`<${Differing} one=${names[0]} other=${names[1]} />`}`;
}

function useCourses(names) {
  const [courses, setCourses] = useState({});
  const [error, setError] = useState("");
  useEffect(() => {
    const missing = names.filter((name) => !courses[name]);
    Promise.all(missing.map(async (name) => [name, { curves: await ask("curves", { run: name }), numbers: await ask("numbers", { run: name }) }])).then(
      (found) => { if (found.length) setCourses((known) => ({ ...known, ...Object.fromEntries(found) })); },
      (problem) => setError(told(problem)),
    );
  }, [names.join()]);
  return { courses, error };
}

function Curves({ names }) {
  const { courses, error } = useCourses(names);
  const [axis, setAxis] = useState("tokens");
  const [score, setScore] = useState("");
  const there = names.filter((name) => courses[name]);
  const scores = [...new Set(there.flatMap((name) => Object.keys(courses[name].curves)))];
  const common = scores.filter((each) => there.every((name) => courses[name].curves[each]));
  const shown = scores.includes(score) ? score : common[0] ?? scores[0] ?? "";
  const look = (name) => seriesLook(names.indexOf(name));
  const series = useMemo(() => there.filter((name) => courses[name].curves[shown]).map((name) => ({
    label: name, x: courses[name].curves[shown][axis], y: courses[name].curves[shown].score, ...look(name),
  })), [courses, names.join(), axis, shown]);
  const numbers = useMemo(() => Object.fromEntries(
    [...ROLES.map((role) => `reward/${role}/mean`), "tasks/distinct", "solve_rate/mean"].map((name) => [
      name, there.filter((run) => courses[run].numbers[name]).map((run) => ({
        label: run, x: courses[run].numbers[name].round, y: courses[run].numbers[name].value, ...look(run),
      })),
    ]).filter(([, each]) => each.length),
  ), [courses, names.join()]);
  if (error) return html`<p class="error">${error}</p>`;
  return html`
    <div class="cards">
      <section class="card w12">
        <header><h2>Held-out accuracy</h2>
          <select aria-label="score" onChange=${(event) => setScore(event.target.value)}>
            ${scores.map((each) => html`<option selected=${each === shown}>${each}</option>`)}</select>
          <span class="set end">${Object.keys(AXES).map((each) => html`
            <button class=${axis === each ? "on" : ""} onClick=${() => setAxis(each)}>${each}</button>`)}</span></header>
        <${Chart} series=${series} height=${300} unit=${axis} axis=${AXES[axis]} />
      </section>
      ${Object.entries(numbers).map(([name, each]) => html`
        <section class="card w4" key=${name}><header><h2>${name.replace("/mean", "").replaceAll("/", " ")}</h2></header>
          <${Chart} series=${each} height=${150} unit="round" /></section>`)}
    </div>`;
}

function Differing({ one, other }) {
  const { value, error } = useAnswer("differing", { run: one, other });
  if (error) return html`<p class="error">${error}</p>`;
  if (!value) return html`<p class="quiet">finding where they part …</p>`;
  const shared = `${count(value.same)} events, ${value.rounds} rounds and ${value.versions} versions`;
  if (value.equal) return html`<p class="card good">They are one run: ${shared}</p>`;
  const two = (title, rows, tell) => rows.length > 0 && html`
    <section class="card w6 scroll tall"><header><h2>${title}</h2></header>
      <table class="plain"><thead><tr><th></th><th>${one}</th><th>${other}</th></tr></thead>
        <tbody>${rows.map(([name, ours, theirs]) => html`
          <tr><td>${name}</td><td class="mono">${tell(ours)}</td><td class="mono">${tell(theirs)}</td></tr>`)}</tbody></table></section>`;
  const literal = (each) => (each === null ? "–" : typeof each === "string" ? each : JSON.stringify(each));
  const counts = value.kinds.map(([kind, ...both]) => [words(kind), ...both]).sort((a, b) => (b[1] ?? 0) - (a[1] ?? 0));
  return html`
    <h2 style=${{ margin: "1.2rem 0 .6rem" }}>They share ${shared}</h2>
    <div class="cards">
      ${value.partings.map((parting) => html`
        <section class="card w12"><header><h2>They part at event ${parting.seq}</h2></header>
          ${[one, other].map((name, at) => html`<${Side} run=${name} event=${parting.events[at]} />`)}
          ${parting.fields.length > 0 && html`<details><summary>${parting.fields.length} fields differ</summary>
            <table class="plain"><tbody>${parting.fields.map(([name, ...both]) => html`
              <tr><td>${name}</td>${both.map((each) => html`<td class="mono">${each.slice(0, 300)}</td>`)}</tr>`)}</tbody></table></details>`}
        </section>`)}
      ${!value.partings.length && html`<p class="card w12">${value.last[0] < value.last[1] ? one : other} ends there; the other goes on</p>`}
      ${two("Recipes", value.recipes, literal)}
      ${two("Mean reward after it", value.rewards, share)}
      ${two("Events after it", counts, number)}
    </div>`;
}

function Side({ run, event }) {
  if (!event) return html`<p><span class="quiet">${run}</span> has ended</p>`;
  return html`<p><span class="quiet">${run}</span> <span class="who" style=${{ color: colourOf(event.sender) }}>${event.sender}</span> ${words(event.kind)}
    <span class="mono"> ${event.text.slice(0, 300)}</span>
    ${event.episode && html` <a href=${path("run", run, "episodes", event.round, event.episode, event.seq)}>#${event.seq}</a>`}</p>`;
}
