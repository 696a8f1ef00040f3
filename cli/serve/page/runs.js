// The runs: what there is, and which of them to look at or to compare.

import { html, useEffect, useState } from "./vendor/preact-htm.js";
import { ask, told } from "./ask.js";
import { count, path, share } from "./look.js";

const EVERY = 4000; // milliseconds

export function useRuns() {
  const [found, setFound] = useState({ runs: undefined, error: "" });
  useEffect(() => {
    let timer = 0;
    let over = false;
    const look = async () => {
      try {
        if (!document.hidden) setFound({ runs: await ask("runs"), error: "" });
      } catch (error) {
        setFound((before) => ({ ...before, error: told(error) }));
      }
      if (!over) timer = setTimeout(look, EVERY);
    };
    look();
    return () => { over = true; clearTimeout(timer); };
  }, []);
  return found;
}

export function State({ state }) {
  const known = ["live", "finished"].includes(state) ? state : "other";
  const [short] = state.split(":");
  return html`<span class=${`state ${known}`} title=${state}>${short}</span>`;
}

export function Runs() {
  const { runs, error } = useRuns();
  const [chosen, setChosen] = useState([]);
  const [sought, setSought] = useState("");
  if (error && !runs) return html`<p class="error">${error}</p>`;
  if (!runs) return html`<p class="quiet lonely">reading runs …</p>`;
  if (!runs.length) {
    return html`<p class="quiet lonely">No run here yet. Begin one: <code>simctl run</code></p>`;
  }
  const shown = runs.filter((run) => `${run.name} ${run.recipe} ${run.state}`.includes(sought));
  const scores = [...new Set(runs.flatMap((run) => Object.keys(run.scores)))].sort();
  const forks = runs.some((run) => run.parent);
  const toggle = (name) => setChosen(
    chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name],
  );
  return html`
    <div class="bar">
      <h1>Runs</h1>
      <input type="search" placeholder="find" aria-label="find runs" value=${sought}
        onInput=${(event) => setSought(event.target.value)} />
      <span class="quiet">${shown.length} of ${runs.length}</span>
      <a class="end" href=${path("compare", chosen.join(","))}>
        ${chosen.length ? `compare ${chosen.length}` : "compare"}</a>
    </div>
    ${error && html`<p class="error">${error}</p>`}
    <div class="card scroll">
      <table class="plain">
        <thead><tr>
          <th></th><th>run</th><th>recipe</th><th>state</th><th class="n">seed</th>
          <th class="n">round</th><th class="n wide">tokens</th>
          ${scores.map((name) => html`<th class="n">${name}</th>`)}${forks && html`<th class="wide">forked from</th>`}
        </tr></thead>
        <tbody>${shown.map((run) => html`
          <tr key=${run.name}>
            <td><input type="checkbox" aria-label=${`compare ${run.name}`}
              checked=${chosen.includes(run.name)} onChange=${() => toggle(run.name)} /></td>
            <td><a href=${path("run", run.name, "overview")}>${run.name}</a></td>
            <td>${run.recipe}</td><td><${State} state=${run.state} /></td>
            <td class="n">${run.seed}</td><td class="n">${run.round}/${run.rounds}</td>
            <td class="n wide">${count(run.tokens)}</td>
            ${scores.map((name) => html`<td class="n">${share(run.scores[name])}</td>`)}
            ${forks && html`<td class="quiet wide">${run.parent}</td>`}
          </tr>`)}</tbody>
      </table>
    </div>`;
}
