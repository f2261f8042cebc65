// Say: text to speech, played while it is generated.

import { call, complain, post } from "./server.js";
import { Player, RATE, fromBytes, wav } from "./sound.js";

const $ = (id) => document.getElementById(id);
let running = null; // {abort, player, context} of the running request

async function say() {
  stop();
  complain($("say-error"), null);
  $("say-result").hidden = true;
  const context = new AudioContext({ sampleRate: RATE });
  const job = { abort: new AbortController(), player: new Player(context), context };
  running = job;
  $("say-stop").disabled = false;
  $("say-state").textContent = "Asking…";
  const began = performance.now();
  try {
    const body = { model: "roundelay", input: $("say-text").value, voice: $("say-voice").value, response_format: "pcm" };
    if ($("say-style").value) body.instructions = $("say-style").value;
    const response = await post("v1/audio/speech", body, { signal: job.abort.signal });
    const reader = response.body.getReader();
    const pieces = [];
    let left = new Uint8Array(0);
    let first = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      first ||= performance.now() - began;
      const bytes = new Uint8Array(left.length + value.length);
      bytes.set(left), bytes.set(value, left.length);
      left = bytes.slice(bytes.length & ~1);
      pieces.push(fromBytes(bytes));
      job.player.push(pieces.at(-1));
      $("say-state").textContent = `First sound after ${Math.round(first)} ms…`;
    }
    finish(pieces, first, performance.now() - began);
  } catch (error) {
    if (error.name === "AbortError") return;
    $("say-state").textContent = "";
    complain($("say-error"), error);
    stop();
  }
}

function finish(pieces, first, took) {
  const whole = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
  URL.revokeObjectURL($("say-audio").src);
  $("say-audio").src = URL.createObjectURL(wav(whole));
  $("say-download").href = $("say-audio").src;
  $("say-result").hidden = false;
  const seconds = whole.length / RATE;
  $("say-state").textContent =
    `First sound after ${Math.round(first)} ms; ${seconds.toFixed(1)} s of speech made in ${(took / 1000).toFixed(1)} s.`;
}

function stop() {
  running?.abort.abort();
  running?.player.stop();
  running?.context.close();
  running = null;
  $("say-stop").disabled = true;
}

export function setUp() {
  const count = () => ($("say-count").textContent = $("say-text").value.length.toLocaleString("en"));
  $("say-text").oninput = count;
  count();
  $("say-form").onsubmit = (event) => {
    event.preventDefault();
    say();
  };
  $("say-stop").onclick = () => {
    stop();
    $("say-state").textContent = "Stopped.";
  };
}

/** Offer the model's styles; hide the choice if it has none. */
export async function offerStyles() {
  const { styles } = await (await call("v1/x/controls")).json();
  $("say-style-field").hidden = styles.length === 0;
  $("say-style").replaceChildren(new Option("plain", ""), ...styles.map((style) => new Option(style)));
}
