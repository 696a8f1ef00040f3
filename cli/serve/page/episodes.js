// Episodes: those of a round, and one of them to be read.

import { html, useEffect, useMemo, useState } from "./vendor/preact-htm.js";
import { useAnswer } from "./ask.js";
import { About } from "./event.js";
import { Reward } from "./exchange.js";
import { useKeys } from "./keys.js";
import { colourOf, path, words } from "./look.js";
import { COLOURINGS, Legend, Tokens } from "./tokens.js";

export function Episodes({ run, head, rest: [round, episode, seq] }) {
  if (episode) return html`<${Reader} key=${episode} run=${run} head=${head} episode=${episode} seq=${+seq || 0} />`;
  return html`<${List} run=${run} head=${head} round=${+round || head.round} />`;
}

function List({ run, head, round }) {
  const { value, error } = useAnswer("episodes", { run, round, beat: round === head.round ? Math.floor(head.last_seq / 100) : 0 });
  const [sought, setSought] = useState("");
  const go = (to) => { location.hash = path("run", run, "episodes", Math.max(1, Math.min(head.round, to))); };
  useKeys({ ArrowLeft: () => go(round - 1), ArrowRight: () => go(round + 1) });
  if (error) return html`<p class="error">${error}</p>`;
  const shown = (value ?? []).filter((each) => `${each.episode} ${each.problem} ${each.outcome} ${each.name}`.includes(sought));
  return html`
    <div class="bar">
      <button onClick=${() => go(round - 1)} disabled=${round <= 1} aria-label="round before">←</button>
      <label>round <input type="number" min="1" max=${head.round} value=${round} style=${{ width: "5.5rem" }}
        onChange=${(event) => go(+event.target.value)} /></label>
      <button onClick=${() => go(round + 1)} disabled=${round >= head.round} aria-label="next round">→</button>
      <input type="search" placeholder="find" aria-label="find episodes" value=${sought} onInput=${(event) => setSought(event.target.value)} />
      <span class="quiet">${shown.length} episodes</span>
    </div>
    <div class="card scroll">
      <table class="plain">
        <thead><tr><th>episode</th><th class="wide">exchange</th><th>problem</th><th class="wide">posed by</th>
          <th class="n wide">difficulty</th><th class="n">solved</th><th>outcome</th></tr></thead>
        <tbody>${shown.map((each) => html`
          <tr key=${each.episode}>
            <td><a href=${path("run", run, "episodes", round, each.episode)}>${each.episode}</a></td>
            <td class="quiet wide">${each.name}</td><td class="mono">${each.problem ?? ""}</td>
            <td class="wide" style=${{ color: colourOf(each.posed_by) }}>${each.posed_by ?? ""}</td>
            <td class="n wide">${each.difficulty ?? ""}</td>
            <td class="n">${each.attempts ? `${each.solved}/${each.attempts}` : "–"}</td>
            <td class=${each.outcome === "completed" ? "quiet" : "warn"} title=${each.detail ?? ""}>${words(each.outcome ?? "going on")}</td>
          </tr>`)}</tbody>
      </table>
    </div>`;
}

const ASKS = /^(pose|plant|solve|revise|take|sit|estimate|judge|give|write|show)_/;
const SLIGHT = new Set(["answer_graded", "episode_started"]);
const slight = (message) => ASKS.test(message.kind) || SLIGHT.has(message.kind);

function Reader({ run, head, episode, seq }) {
  const { value, error } = useAnswer("episode", { run, episode });
  const [all, setAll] = useState(false);
  const [colouring, setColouring] = useState("advantage");
  const messages = useMemo(
    () => (value?.messages ?? []).filter((each) => all || !slight(each) || each.seq === seq), [value, all, seq],
  );
  const round = value?.round;
  const { value: siblings } = useAnswer("episodes", round ? { run, round } : null);
  const spoken = useMemo(() => (value?.messages ?? []).filter((each) => each.trained).map((each) => each.seq), [value]);
  const learnt = round && (colouring === "advantage" || colouring === "teacher") && spoken.length;
  const { value: signals, error: unknown, fresh } = useAnswer("signals", learnt
    ? { run, round, seqs: spoken.join(","), teacher: colouring === "teacher" } : null);
  const taught = Object.values(signals ?? {}).flat().some((each) => each.leanings);
  const at = messages.findIndex((each) => each.seq === seq);
  const choose = (to) => { if (messages[to]) location.hash = path("run", run, "episodes", round, episode, messages[to].seq); };
  const names = (siblings ?? []).map((each) => each.episode);
  const other = (by) => {
    const name = names[names.indexOf(episode) + by];
    if (name) location.hash = path("run", run, "episodes", round, name);
  };
  const kinds = Object.keys(COLOURINGS);
  useKeys({
    j: () => choose(at + 1), k: () => choose(Math.max(0, at - 1)), n: () => other(1), p: () => other(-1),
    a: () => setAll(!all), t: () => setColouring(kinds[(kinds.indexOf(colouring) + 1) % kinds.length]),
  });
  useEffect(() => { document.querySelector(".line.on")?.scrollIntoView({ block: "nearest" }); }, [seq, value]);
  if (error) return html`<p class="error">${error}</p>`;
  if (!value) return html`<p class="quiet lonely">reading the episode …</p>`;
  const versions = [...new Set(value.messages.map((each) => each.version).filter((each) => each !== null))];
  return html`
    <div class="bar">
      <a href=${path("run", run, "episodes", round)}>round ${round}</a>
      <h2>Episode ${episode}</h2>
      <button onClick=${() => other(-1)} disabled=${names.indexOf(episode) <= 0} aria-label="episode before">←</button>
      <button onClick=${() => other(1)} disabled=${names.indexOf(episode) + 1 >= names.length} aria-label="next episode">→</button>
      <span class="quiet">said by ${versions.map((each, place) => html`${place ? ", " : ""}<a href=${path("run", run, "weights", each)}>policy v${each}</a>`)}</span>
      <label class="end"><input type="checkbox" checked=${all} onChange=${() => setAll(!all)} /> all messages</label>
      <label>tokens by <select onChange=${(event) => setColouring(event.target.value)}>
        ${kinds.map((each) => html`<option value=${each} selected=${each === colouring}>${COLOURINGS[each].name}</option>`)}</select></label>
      <${Legend} colouring=${colouring} />
    </div>
    ${learnt && unknown && html`<p class="error">${unknown}</p>`}
    ${learnt && !fresh && colouring === "teacher" && html`<p class="quiet">asking the teacher …</p>`}
    ${!learnt && colouring !== "none" && colouring !== "surprise" && html`
      <p class="quiet">${value.round >= head.round && head.state === "live" ? "this round has not been learnt from yet" : "nothing of this episode was trained on"}</p>`}
    ${learnt && fresh && colouring === "teacher" && !unknown && !taught && html`
      <p class="quiet">no answer of this episode was drawn to a teacher's view</p>`}
    <div class="reader">
      <div class="card">${messages.map((message) => html`
        <${Line} key=${message.seq} message=${message} on=${message.seq === seq} colouring=${colouring}
          signals=${fresh || colouring === "advantage" ? signals?.[message.seq] : undefined}
          choose=${() => { location.hash = path("run", run, "episodes", round, episode, message.seq); }} />`)}
      </div>
      <aside class="card side">
        ${seq ? html`<${About} run=${run} seq=${seq} />` : html`<p class="quiet">choose a message: what led to it, what came of it, and the weights that learnt from it</p>`}
      </aside>
    </div>`;
}

function about(message) {
  const parts = [words(message.kind)];
  if (message.of) parts.push(`on #${message.of}`);
  return parts.join(" ");
}

function Line({ message, on, colouring, signals, choose }) {
  const { sender, pieces, grade, trained, dropped } = message;
  return html`
    <div class=${`line ${on ? "on" : ""} ${slight(message) ? "slight" : ""}`} onClick=${choose} tabindex="0"
      onKeyDown=${(event) => event.key === "Enter" && choose()}>
      <span class="seq">#${message.seq}</span>
      <span class="who" style=${{ color: colourOf(sender) }}>${sender}</span>
      <span>
        ${pieces.length ? html`<${Tokens} message=${message} signals=${signals} colouring=${colouring} />`
          : html`<span class="mono">${message.text}</span>`}
        <span class="about"> ${about(message)}</span>
      </span>
      <span>
        ${grade && html`<${Reward} value=${grade.reward} /> `}
        ${trained && html`<span class="chip" title="trained on in this version">→ v${trained.version}</span>`}
        ${!trained && dropped && html`<span class="chip" title=${dropped.reason}>dropped</span>`}
      </span>
    </div>`;
}

