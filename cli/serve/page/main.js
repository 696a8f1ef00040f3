// The page: which part of it an address shows, and the keys that lead there.

import { html, render, useEffect, useState } from "./vendor/preact-htm.js";
import { Compare } from "./compare.js";
import { Keys, useKeys } from "./keys.js";
import { path } from "./look.js";
import { PARTS, Run } from "./run.js";
import { Runs } from "./runs.js";

function usePlace() {
  const read = () => location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const moved = () => setPlace(read());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}

function Page() {
  const [area = "", name = "", part = "", ...rest] = usePlace();
  const [helped, setHelped] = useState(false);
  const run = area === "run" ? name : "";
  useKeys({
    "?": () => setHelped((shown) => !shown),
    Escape: () => setHelped(false),
    r: () => { location.hash = "#/"; },
    c: () => { location.hash = path("compare", run); },
    ...Object.fromEntries(
      Object.keys(PARTS).map((each, at) => [
        String(at + 1), () => { if (run) location.hash = path("run", run, each); },
      ]),
    ),
  });
  useEffect(() => {
    document.title = run ? `${run} · simctl` : "simctl";
  }, [run]);
  return html`
    <div class="top">
      <a class="brand" href="#/">simctl</a>
      <nav aria-label="parts of the page">
        <a href="#/" class=${area === "" ? "on" : ""}>runs</a>
        ${run && Object.keys(PARTS).map((each) => html`
          <a href=${path("run", run, each)} class=${(part || "overview") === each ? "on" : ""}>${each}</a>`)}
        <a href=${path("compare", run || name)} class=${area === "compare" ? "on" : ""}>compare</a>
      </nav>
      <button class="end" onClick=${() => setHelped(true)} title="keys" aria-label="show the keys">?</button>
    </div>
    <main>
      ${area === "run" && html`<${Run} key=${name} run=${name} part=${part || "overview"} rest=${rest} />`}
      ${area === "compare" && html`<${Compare} names=${name.split(",").filter(Boolean)} />`}
      ${area === "" && html`<${Runs} />`}
    </main>
    ${helped && html`<${Keys} close=${() => setHelped(false)} />`}
  `;
}

const place = document.getElementById("app");
place.replaceChildren();
render(html`<${Page} />`, place);
