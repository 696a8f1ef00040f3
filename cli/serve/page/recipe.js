// The recipe by which a run goes.

import { html } from "./vendor/preact-htm.js";
import { useAnswer } from "./ask.js";

export function Recipe({ run }) {
  const { value, error } = useAnswer("recipe", { run });
  if (error) return html`<p class="error">${error}</p>`;
  return html`<div class="card"><pre>${value ?? "reading …"}</pre></div>`;
}
