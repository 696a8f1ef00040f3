// Weights: how a policy version came to be, and every answer in its batch.

import { html } from "./vendor/preact-htm.js";
import { useAnswer } from "./ask.js";
import { About } from "./event.js";
import { useKeys } from "./keys.js";
import { colourOf, number, path, share } from "./look.js";

export function Weights({ run, head, rest: [version, seq] }) {
  if (version === "event") return html`<div class="card"><${About} run=${run} seq=${+seq} /></div>`;
  return html`<${Version} run=${run} head=${head} number=${version === undefined ? head.version : +version} />`;
}

function Version({ run, head, number: wanted }) {
  const { value, error } = useAnswer("version", wanted > 0 ? { run, version: wanted } : null);
  const go = (to) => { location.hash = path("run", run, "weights", Math.max(0, Math.min(head.version, to))); };
  useKeys({ ArrowLeft: () => go(wanted - 1), ArrowRight: () => go(wanted + 1) });
  const bar = html`
    <div class="bar">
      <button onClick=${() => go(wanted - 1)} disabled=${wanted <= 0} aria-label="version before">←</button>
      <h2>Policy v${wanted}</h2>
      <button onClick=${() => go(wanted + 1)} disabled=${wanted >= head.version} aria-label="next version">→</button>
      <span class="quiet">of ${head.version}</span>
    </div>`;
  if (wanted === 0) return html`${bar}<p class="quiet">the policy with which the run began</p>`;
  if (error) return html`${bar}<p class="error">${error}</p>`;
  if (!value || value.version !== wanted) return html`${bar}<p class="quiet lonely">building its batch again from the log …</p>`;
  const metrics = Object.entries(value.metrics ? JSON.parse(value.metrics) : {}).sort();
  return html`
    ${bar}
    <div class="cards">
      <section class="card w4">
        <header><h2>Made of</h2></header>
        <dl>
          <dt>from</dt><dd><a href=${path("run", run, "weights", value.parent)}>policy v${value.parent}</a></dd>
          <dt>by</dt><dd>round ${value.round}: <a href=${path("run", run, "episodes", value.round)}>its episodes</a></dd>
          <dt>batch</dt><dd>${value.batch.map((seq) => html`<a href=${path("run", run, "weights", "event", seq)}>#${seq}</a> `)}${value.samples} samples, ${value.tokens} trained tokens</dd>
          <dt>digest</dt><dd class="mono">${value.digest?.slice(0, 16)}…</dd>
          <dt>weights</dt><dd class="mono" title=${value.sha256}>${value.sha256.slice(0, 16)}…</dd>
          <dt>announced</dt><dd><a href=${path("run", run, "weights", "event", value.updated)}>#${value.updated}</a></dd>
          <dt>samplers</dt><dd>${value.samplers === null ? "none has taken it yet" : html`${value.samplers}${" "}
            <span class=${value.synced ? "good" : "bad"}>${value.synced ? "took it" : "refused it"}</span>, log-probs within ${number(value.probe_delta)} nats of the trainer's`}</dd>
        </dl>
        ${value.scores.length > 0 && html`<h3>Held-out</h3><table class="plain"><tbody>${value.scores.map((each) => html`
          <tr><td>${each.suite}</td><td class="quiet">${each.score_name}</td><td class="n">${share(each.score)}</td></tr>`)}</tbody></table>`}
      </section>
      <section class="card w4">
        <header><h2>What trained it</h2></header>
        <table class="plain"><thead><tr><th>role</th><th>loss</th><th class="n">samples</th><th class="n">tokens</th></tr></thead>
          <tbody>${value.makeup.map((each) => html`
            <tr><td class="who" style=${{ color: colourOf(each.role) }}>${each.role}</td><td>${each.loss.replaceAll("_", " ")}</td>
              <td class="n">${each.samples}</td><td class="n">${each.tokens}</td></tr>`)}</tbody></table>
        ${value.drops.length > 0 && html`<h3>What did not</h3><table class="plain"><tbody>${value.drops.map((each) => html`
          <tr><td class="who" style=${{ color: colourOf(each.role) }}>${each.role}</td><td class="quiet">${each.reason}</td><td class="n">${each.events}</td></tr>`)}</tbody></table>`}
      </section>
      <section class="card w4 scroll tall">
        <header><h2>Metrics of the step</h2></header>
        <table class="plain"><tbody>${metrics.map(([name, found]) => html`
          <tr><td class="mono">${name}</td><td class="n">${number(found)}</td></tr>`)}</tbody></table>
      </section>
      <section class="card w12 scroll tall">
        <header><h2>Its answers</h2><span class="quiet">${value.learnt.length < value.samples ? `the first ${value.learnt.length} of ${value.samples}` : ""}</span></header>
        <table class="plain"><thead><tr><th>event</th><th>role</th><th>loss</th><th>problem</th><th class="n">tokens</th>
          <th class="n" title="mean over its tokens: advantage, or weight of imitation">weight</th><th class="n wide">said by</th></tr></thead>
          <tbody>${value.learnt.map((each) => html`
            <tr><td>${each.episode ? html`<a href=${path("run", run, "episodes", value.round, each.episode, each.seq)}>#${each.seq}</a>` : html`<a href=${path("run", run, "weights", "event", each.seq)}>#${each.seq}</a>`}</td>
              <td class="who" style=${{ color: colourOf(each.role) }}>${each.role}</td><td class="quiet">${each.loss.replaceAll("_", " ")}</td>
              <td class="mono">${each.problem ?? ""}</td><td class="n">${each.tokens}</td>
              <td class=${`n ${each.weight < 0 ? "bad" : "good"}`}>${number(each.weight)}</td>
              <td class="n wide">${each.sampled_with === null || each.sampled_with === undefined ? "–" : `v${each.sampled_with}`}</td></tr>`)}</tbody></table>
      </section>
    </div>`;
}
