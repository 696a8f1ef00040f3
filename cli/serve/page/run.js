// A run: its head, and the part of it that is looked at.

import { html } from "./vendor/preact-htm.js";
import { useHead } from "./ask.js";
import { Episodes } from "./episodes.js";
import { Health } from "./health.js";
import { count, duration, path } from "./look.js";
import { Overview } from "./overview.js";
import { Recipe } from "./recipe.js";
import { State } from "./runs.js";
import { Sql } from "./sql.js";
import { Weights } from "./weights.js";

export const PARTS = {
  overview: Overview, episodes: Episodes, weights: Weights, health: Health, sql: Sql, recipe: Recipe,
};

export function Run({ run, part, rest }) {
  const { head, error } = useHead(run);
  if (!head) {
    return error ? html`<p class="error">${error}</p>` : html`<p class="quiet lonely">reading the log …</p>`;
  }
  const Part = PARTS[part];
  return html`
    <div class="head">
      <h1>${run}</h1>
      <${State} state=${head.state} />
      <span><span class="quiet">recipe</span> <b>${head.recipe}</b></span>
      <span><span class="quiet">seed</span> <b>${head.seed}</b></span>
      <span><span class="quiet">round</span> <b>${head.round}</b><span class="quiet">/${head.rounds}</span></span>
      <a href=${path("run", run, "weights", head.version)}>policy <b>v${head.version}</b></a>
      <span><b>${count(head.tokens)}</b> <span class="quiet">tokens</span></span>
      <span><b>${count(head.last_seq)}</b> <span class="quiet">events</span></span>
      <span><b>${duration((head.last_us - head.began_us) / 1e6)}</b></span>
      ${head.parent && html`<span class="quiet">forked from ${head.parent}</span>`}
    </div>
    ${error && html`<p class="error">${error}</p>`}
    ${part !== "health" && head.alarms.map((alarm) => html`
      <p class="alarm" key=${alarm.name}><a href=${path("run", run, "health")}>since round ${alarm.raised}</a> ${alarm.text}</p>`)}
    ${Part ? html`<${Part} run=${run} head=${head} rest=${rest} />` : html`<p class="error">no part ${part}</p>`}`;
}
