// Exchanges: what was said about a task, in each of some episodes.

import { html } from "./vendor/preact-htm.js";
import { colourOf, path, share, words } from "./look.js";

export function Reward({ value }) {
  if (value === null || value === undefined) return null;
  const mood = value >= 1 ? "good" : value <= 0 ? "bad" : "warn";
  return html`<span class=${`chip ${mood}`} title="reward">${share(value)}</span>`;
}

export function Exchanges({ exchanges, run }) {
  if (!exchanges?.length) return html`<p class="quiet">nothing was said yet</p>`;
  return exchanges.map((exchange) => html`
    <p class="quiet" key=${exchange.episode}>in <a href=${path("run", run, "episodes", exchange.round, exchange.episode)}>episode ${exchange.episode}</a></p>
    <div class="said">${exchange.sayings.map((each) => html`
      <a class="who" style=${{ color: colourOf(each.sender) }} title=${words(each.kind)}
        href=${path("run", run, "episodes", exchange.round, exchange.episode, each.seq)}>${each.sender}</a>
      <span class="text">${each.text}</span>
      <${Reward} value=${each.reward} />`)}</div>`);
}
