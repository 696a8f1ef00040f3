// An event: what it says, what led to it, and what came of it, down to the weights.

import { html } from "./vendor/preact-htm.js";
import { useAnswer } from "./ask.js";
import { colourOf, number, path, words } from "./look.js";

export function About({ run, seq }) {
  const { value, error } = useAnswer("event", { run, seq });
  if (error) return html`<p class="error">${error}</p>`;
  if (!value) return html`<p class="quiet">reading …</p>`;
  const trained = value.trained ?? [];
  return html`
    <header class="bar"><h2>Event ${value.seq}</h2><span class="quiet">${words(value.kind)}</span></header>
    <dl>
      <dt>by</dt><dd><span class="who" style=${{ color: colourOf(value.sender) }}>${value.sender}</span>${value.recipient && ` to ${value.recipient}`}</dd>
      ${value.task && html`<dt>about</dt><dd><${Link} run=${run} seq=${value.task} /> the task</dd>`}
      ${value.of && html`<dt>on</dt><dd><${Link} run=${run} seq=${value.of} /></dd>`}
      ${value.version !== null && html`<dt>said by</dt><dd><a href=${path("run", run, "weights", value.version)}>policy v${value.version}</a>${value.versions.length > 0 && ` (${value.versions.map(([each, tokens]) => `v${each}: ${tokens} tokens`).join(", ")})`}</dd>`}
      ${trained.map((each) => html`<dt>trained</dt><dd><a href=${path("run", run, "weights", each.version)}>policy v${each.version}</a>, in batch <${Link} run=${run} seq=${each.batch} /></dd>`)}
      ${value.logprobs.length > 0 && html`<dt>log-prob</dt><dd>${number(value.logprobs.reduce((sum, each) => sum + each, 0))} over ${value.logprobs.length} tokens</dd>`}
      <dt>time</dt><dd>${new Date(value.wall_us / 1000).toLocaleString()}</dd>
    </dl>
    <h3>What led to it</h3>
    <${Chain} run=${run} events=${value.causes} now=${value.seq} />
    <h3>What came of it</h3>
    <${Chain} run=${run} events=${value.effects} now=${value.seq} none="nothing else" />
    ${value.prompt && html`<details open><summary>the prompt</summary><pre>${value.prompt}</pre></details>`}
    <details><summary>the message</summary><pre>${JSON.stringify(value.payload, null, 1)}</pre></details>
    <p class="quiet mono" title="hash of what happened on top of all before">${value.hash.slice(0, 16)}…</p>`;
}

const MOST = 24;

function Chain({ run, events, now, none = "" }) {
  if (!events.length) return html`<p class="quiet">${none}</p>`;
  return html`<ol class="chain">
    ${events.slice(0, MOST).map((each) => html`
      <li key=${each.seq} class=${each.seq === now ? "quiet" : ""}>
        <${Link} run=${run} seq=${each.seq} event=${each} /> <span style=${{ color: colourOf(each.sender) }}>${each.sender}</span> ${words(each.kind)}</li>`)}
    ${events.length > MOST && html`<li class="quiet">and ${events.length - MOST} more</li>`}
  </ol>`;
}

// An event is read where it was said; what belongs to no episode is read by itself.
export function Link({ run, seq, event }) {
  const place = event?.episode ? ["episodes", event.round, event.episode, seq] : ["weights", "event", seq];
  return html`<a href=${path("run", run, ...place)}>#${seq}</a>`;
}
