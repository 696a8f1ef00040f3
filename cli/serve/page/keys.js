// Keys: what can be done without a mouse, and the list of it.

import { html, useEffect, useRef } from "./vendor/preact-htm.js";

const KNOWN = [
  ["r", "runs"],
  ["1 – 6", "overview, episodes, weights, health, sql, recipe"],
  ["c", "compare runs"],
  ["← →", "overview: one round back or on; weights: one version"],
  ["space", "overview: replay the run from here, or stop"],
  ["end", "overview: follow the newest round"],
  ["j k", "episode: next or previous message"],
  ["n p", "episode: next or previous episode"],
  ["t", "episode: another colouring of the tokens"],
  ["a", "episode: all messages, or what was said"],
  ["ctrl enter", "sql: ask"],
  ["?", "these keys"],
];

// Calls what belongs to a key, unless somebody types into a field.
export function useKeys(keys) {
  const known = useRef(keys);
  known.current = keys;
  useEffect(() => {
    const pressed = (event) => {
      const typed = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      const slides = event.target.type === "range" && /^Arrow|^ $|^End$/.test(event.key);
      const act = known.current[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      if (typed && event.key !== "Escape" && event.target.type !== "range") return;
      if (slides || (event.target.tagName === "BUTTON" && event.key === " ")) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

export function Keys({ close }) {
  return html`
    <div class="keys" onClick=${close} role="dialog" aria-label="keys">
      <div class="card" onClick=${(event) => event.stopPropagation()}>
        <header><h2>Keys</h2><button class="end" onClick=${close} autofocus>close</button></header>
        <dl>${KNOWN.map(([key, what]) => html`
          <dt>${key.split(" ").map((each) => html`<kbd>${each}</kbd> `)}</dt><dd>${what}</dd>`)}</dl>
      </div>
    </div>`;
}
