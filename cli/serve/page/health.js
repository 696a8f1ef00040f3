// Health: the verdict on a run, what it rests on, and the SQL that shows each sentence.

import { html } from "./vendor/preact-htm.js";
import { useAnswer } from "./ask.js";
import { path } from "./look.js";

export function Health({ run, head }) {
  const { value, error } = useAnswer("health", { run, beat: head.version });
  if (error) return html`<p class="quiet lonely">${error}</p>`;
  if (!value) return html`<p class="quiet lonely">examining the run …</p>`;
  return html`
    <div class="cards">
      <section class="card w12">
        <header><h2 class=${value.healthy ? "good" : "bad"}>${value.verdict}</h2></header>
        <${Sentences} run=${run} sentences=${value.sentences} />
      </section>
      ${value.findings.map((each) => html`
        <section class="card w6" key=${each.name}>
          <header><h2 class="bad">${each.headline}</h2><span class="quiet end">${each.name}, since round ${each.since}</span></header>
          <p>${each.text}</p>
          <dl><dt>probably</dt><dd>${each.cause}</dd><dt>try</dt><dd class="mono">${each.remedy}</dd></dl>
          <${Sentences} run=${run} sentences=${each.sentences} />
        </section>`)}
      ${value.past.length > 0 && html`
        <section class="card w12"><header><h2>Over by now</h2></header>${value.past.map((each) => html`<p class="quiet">${each}</p>`)}</section>`}
    </div>`;
}

function Sentences({ run, sentences }) {
  return html`<ul>${sentences.map((each) => html`
    <li>${each.text} ${each.sql && html`<a href=${path("run", run, "sql", each.sql)} title=${each.sql}>the SQL</a>`}</li>`)}</ul>`;
}
