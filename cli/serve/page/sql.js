// SQL: any question to the log; nothing that is asked can change it.

import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { askSql, told, useAnswer } from "./ask.js";
import { path } from "./look.js";

const EXAMPLES = {
  "reward by role": "SELECT role, count(*) AS answers, avg(reward) AS reward\nFROM grades GROUP BY role ORDER BY role",
  "newly solved tasks": "SELECT problem, min(round) AS first_solved\nFROM solves WHERE rate > 0 GROUP BY problem\nORDER BY first_solved DESC LIMIT 50",
  "what was not trained on": "SELECT role, reason, count(*) AS events\nFROM drops GROUP BY ALL ORDER BY events DESC",
  "pass@k": "FROM pass_at(4)",
  "tokens by role": "SELECT role, sum(sampled_tokens) AS tokens\nFROM tokens_by_role GROUP BY role ORDER BY tokens DESC",
  "the last events": "SELECT seq, kind, sender, recipient, episode, round\nFROM events ORDER BY seq DESC LIMIT 100",
};

export function Sql({ run, rest: [given] }) {
  const [sql, setSql] = useState(given || EXAMPLES["reward by role"]);
  const [found, setFound] = useState(null);
  const [error, setError] = useState("");
  const [asking, setAsking] = useState(false);
  const stop = useRef(null);
  const field = useRef(null);
  const { value: views } = useAnswer("askable", { run });
  const put = async (question) => {
    stop.current?.abort();
    const mine = new AbortController();
    stop.current = mine;
    const began = performance.now();
    setAsking(true);
    setError("");
    try {
      const answer = await askSql(run, question, mine.signal);
      setFound({ ...answer, seconds: (performance.now() - began) / 1000 });
    } catch (problem) {
      if (problem.name === "AbortError") return;
      setError(told(problem));
      setFound(null);
    }
    setAsking(false);
  };
  useEffect(() => { put(sql); return () => stop.current?.abort(); }, []);
  const write = (text) => { setSql(text); field.current?.focus(); };
  return html`
    <div class="ask">
      <div>
        <textarea ref=${field} spellcheck="false" aria-label="SQL" value=${sql} onInput=${(event) => setSql(event.target.value)}
          onKeyDown=${(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) put(sql); }}></textarea>
        <div class="bar">
          <button class="on" onClick=${() => put(sql)} disabled=${asking}>${asking ? "asking …" : "ask"}</button>
          <span class="quiet"><kbd>ctrl</kbd> <kbd>enter</kbd></span>
          <select aria-label="examples" onChange=${(event) => { const text = EXAMPLES[event.target.value]; if (text) { setSql(text); put(text); } event.target.selectedIndex = 0; }}>
            <option>examples</option>${Object.keys(EXAMPLES).map((name) => html`<option>${name}</option>`)}</select>
          <button class="end" onClick=${() => keep(run, sql)} title="an address that asks this again">keep in the address</button>
        </div>
        ${error && html`<pre class="error">${error}</pre>`}
        ${found && html`<${Rows} found=${found} run=${run} />`}
      </div>
      <aside class="card views">
        <h2>What can be asked</h2>
        <ul>${(views ?? []).map((view) => html`
          <li key=${view.name}><button title=${view.columns.join(", ")} onClick=${() => write(view.name.includes("(") ? `FROM ${view.name}` : `FROM ${view.name} LIMIT 100`)}>${view.name}</button>
            <div class="quiet">${view.holds}</div></li>`)}</ul>
        <p class="quiet">and one view for each kind of message, such as <code>attempt_made</code></p>
      </aside>
    </div>`;
}

function keep(run, sql) {
  history.replaceState(null, "", path("run", run, "sql", sql));
}

function Rows({ found }) {
  const place = useRef(null);
  useEffect(() => {
    let table;
    let over = false;
    // it is large, and only this part of the page needs it
    import("./vendor/tabulator.js").then(({ TabulatorFull }) => {
      if (over || !place.current) return;
      table = new TabulatorFull(place.current, {
        columns: found.columns.map((column, at) => ({
          title: column.name, field: String(at), headerTooltip: column.type, sorter: numeric(column.type) ? "number" : "string",
          hozAlign: numeric(column.type) ? "right" : "left", formatter: (cell) => shown(cell.getValue()), tooltip: (_, cell) => shown(cell.getValue()), maxInitialWidth: 420,
        })),
        data: found.rows.map((row) => Object.fromEntries(row.map((value, at) => [String(at), value]))),
        layout: "fitDataFill",
        maxHeight: "60vh",
        placeholder: "no rows",
      });
    });
    return () => { over = true; table?.destroy(); };
  }, [found]);
  return html`
    <div class="bar"><span class="quiet" data-rows=${found.rows.length}>${found.rows.length} rows in ${found.seconds.toFixed(2)} s</span>
      <button class="end" onClick=${() => download(found)}>CSV</button></div>
    <div ref=${place}></div>`;
}

const numeric = (type) => /int|float|double|decimal/.test(type) && !/list|map|struct|\[/.test(type);

function shown(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function download(found) {
  const cell = (value) => (/[",\n]/.test(shown(value)) ? `"${shown(value).replaceAll('"', '""')}"` : shown(value));
  const lines = [found.columns.map((each) => each.name), ...found.rows].map((row) => row.map(cell).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
  link.download = "answer.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}
