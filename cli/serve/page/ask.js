// Asking: what the page learns from the server, and how long it keeps it.

import { useCallback, useEffect, useRef, useState } from "./vendor/preact-htm.js";

const PULSE = 1500; // milliseconds between two looks at a live run
const CALM = 6000; // and at one that nobody plays

export async function ask(what, question = {}, signal) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(question)) {
    if (value !== undefined && value !== null) words.set(name, value);
  }
  return answer(await fetch(`api/${what}?${words}`, { signal }));
}

export async function askSql(run, sql, signal) {
  const body = JSON.stringify({ run, sql });
  const headers = { "content-type": "application/json" };
  return answer(await fetch("api/sql", { method: "POST", headers, body, signal }));
}

async function answer(response) {
  // one that breaks off, as where nobody wants it any more, is no answer
  if (response.ok) return response.json();
  const said = await response.json().catch(() => ({}));
  throw new Error(said.error ?? `the server said ${response.status}`);
}

// The answer to a question, asked again when it changes; null leaves it unasked. What was answered
// before stays on show until the new answer is there.
export function useAnswer(what, question) {
  const key = question === null ? null : JSON.stringify([what, question]);
  const [found, setFound] = useState({ key: null, value: undefined, error: "" });
  useEffect(() => {
    if (key === null) return undefined;
    const stop = new AbortController();
    ask(what, question, stop.signal).then(
      (value) => setFound({ key, value, error: "" }),
      (error) => {
        if (error.name !== "AbortError") {
          setFound((before) => ({ ...before, key, error: told(error) }));
        }
      },
    );
    return () => stop.abort();
  }, [key]);
  return { value: found.value, error: found.error, fresh: found.key === key };
}

export function told(error) {
  return error instanceof TypeError ? "simctl serve does not answer: has it ended?" : error.message;
}

// What stands above a run, looked at again while it is live.
export function useHead(run) {
  const [found, setFound] = useState({ run: "", head: undefined, error: "" });
  const timer = useRef(0);
  const look = useCallback(async () => {
    try {
      const head = await ask("head", { run });
      setFound({ run, head, error: "" });
      return head.state === "live";
    } catch (error) {
      setFound((before) => ({ ...before, run, error: told(error) }));
      return true;
    }
  }, [run]);
  useEffect(() => {
    let over = false;
    const beat = async () => {
      const live = document.hidden || (await look());
      if (!over) timer.current = setTimeout(beat, live ? PULSE : CALM);
    };
    beat();
    return () => {
      over = true;
      clearTimeout(timer.current);
    };
  }, [run]);
  return found.run === run ? found : { head: undefined, error: "" };
}
