// Talk: sends the microphone to the server, plays its answers, shows captions and latencies.

import { complain, json, socket } from "./server.js";
import { Microphone, Player, RATE, fromBase64, loudness, toBase64, toBytes } from "./sound.js";
import { answeredAfter, draw } from "./waterfall.js";

const $ = (id) => document.getElementById(id);
const MAX_CAPTIONS = 60;
const ASR = "conversation.item.input_audio_transcription";

let live = null; // the current conversation, or null

class Conversation {
  constructor() {
    this.lines = new Map();
    this.speaking = false;
    this.level = 0;
    this.session = "";
    this.active = null;
    this.cut = new Set();
    this.waits = false; // others hold up the answer
    this.fault = $("talk-error"); // where a fault is told: beside the button that asked last
  }

  async start(withMicrophone) {
    this.context = new AudioContext({ sampleRate: RATE });
    this.player = new Player(this.context);
    await this.context.resume();
    if (withMicrophone) {
      this.microphone = new Microphone(this.context, (samples) => this.hear(samples));
      await this.microphone.open();
    }
    await this.connect();
    this.timer = setInterval(() => this.show(), 60);
  }

  connect() {
    return new Promise((done, failed) => {
      this.socket = socket();
      this.socket.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        if (event.type === "session.created") done();
        this.on(event);
      };
      this.socket.onclose = async ({ reason }) => {
        failed(new Error("the server refused the conversation"));
        if (live === this) stop(reason && `The conversation ended: ${reason}.`);
      };
    });
  }

  send(type, fields = {}) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type, ...fields }));
  }

  hear(samples) {
    this.level = loudness(samples);
    // Drop audio if the socket does not keep up, instead of queueing minutes of it.
    if (this.socket?.readyState === WebSocket.OPEN && this.socket.bufferedAmount < 1 << 20) {
      this.send("input_audio_buffer.append", { audio: toBase64(toBytes(samples)) });
    }
  }

  on(event) {
    const item = event.item_id;
    switch (event.type) {
      case "session.created": {
        this.session = event.session.id;
        const semantic = $("talk-turns").value === "semantic";
        const turn_detection = semantic ? { type: "semantic_vad" } : { type: "server_vad", silence_duration_ms: 500 };
        const input = { transcription: { model: "roundelay" }, turn_detection };
        this.send("session.update", { session: { type: "realtime", audio: { input, output: { voice: $("talk-voice").value } } } });
        break;
      }
      case "input_audio_buffer.speech_started":
        this.speaking = true;
        this.silence();
        break;
      case "input_audio_buffer.speech_stopped":
        this.speaking = false;
        break;
      case `${ASR}.delta`:
        this.line(item, "you", (this.lines.get(item)?.text ?? "") + event.delta, true);
        break;
      case `${ASR}.completed`:
        if (event.transcript.trim()) this.line(item, "you", event.transcript);
        else this.lines.get(item)?.element.remove();
        break;
      case "response.created":
        this.active = event.response.id;
        break;
      case "rate_limits.updated":
        this.waits = event.rate_limits.some(({ remaining }) => remaining === 0);
        break;
      case "response.output_audio.delta":
        this.waits = false;
        if (!this.cut.has(item)) this.player.push(fromBase64(event.delta), item);
        break;
      case "response.output_audio_transcript.delta":
        this.line(item, "bot", (this.lines.get(item)?.text ?? "") + event.delta, true);
        break;
      case "response.output_audio_transcript.done":
        this.line(item, "bot", event.transcript);
        break;
      case "response.function_call_arguments.done":
        this.line(item, "bot", `(asks for ${event.name})`);
        break;
      case "response.done":
        this.active = null;
        this.waits = false;
        if (event.response.status === "cancelled") event.response.output.forEach(({ id }) => this.mark(id, "interrupted"));
        if (event.response.status === "failed") complain(this.fault, event.response.status_details?.error ?? "the answer failed");
        this.waterfall();
        break;
      case "error":
        if (event.error.code !== "response_cancel_not_active") complain(this.fault, event.error);
        break;
    }
  }

  /** Stop playback, and tell the server how much was played. */
  silence() {
    const heard = this.player.stop();
    if (!heard) return;
    this.cut.add(heard.id);
    this.mark(heard.id, "interrupted");
    this.send("conversation.item.truncate", { item_id: heard.id, content_index: 0, audio_end_ms: heard.ms });
  }

  interrupt() {
    if (this.active) this.send("response.cancel");
    this.silence();
  }

  type(text) {
    this.interrupt();
    const id = `item_typed${Date.now()}`;
    this.line(id, "you", text);
    this.send("conversation.item.create", { item: { id, type: "message", role: "user", content: [{ type: "input_text", text }] } });
    this.send("response.create");
  }

  line(id, by, text, draft = false) {
    let line = this.lines.get(id);
    if (!line) {
      const element = document.createElement("li");
      const name = document.createElement("span");
      name.className = "by";
      name.textContent = by === "you" ? "You" : "Roundelay";
      const words = document.createElement("span");
      element.append(name, words);
      $("captions").append(element);
      line = { element, words, by };
      this.lines.set(id, line);
      while ($("captions").children.length > MAX_CAPTIONS) $("captions").firstChild.remove();
    }
    line.text = text;
    line.words.textContent = text;
    line.element.className = `${by}${draft && by === "you" ? " draft" : ""}`;
    $("captions-empty").hidden = true;
    $("captions").scrollTop = $("captions").scrollHeight;
  }

  mark(id, text) {
    const line = this.lines.get(id);
    if (!line || line.marked) return;
    line.marked = true;
    const note = document.createElement("span");
    note.className = "cut";
    note.textContent = ` — ${text}`;
    line.element.append(note);
  }

  async waterfall() {
    try {
      const { turns } = await json(`v1/x/sessions/${this.session}`);
      $("waterfall-empty").hidden = draw($("waterfall"), turns) > 0;
      const times = turns.map(answeredAfter).filter((ms) => ms !== null).sort((a, b) => a - b);
      if (times.length) $("latency").textContent = `median ${times[Math.floor(times.length / 2)]} ms`;
    } catch {
      // no figures; the conversation continues
    }
  }

  show() {
    const bot = this.player.playing;
    who("you", this.speaking, this.level);
    who("bot", bot, this.player.level);
    $("interrupt").disabled = !bot && !this.active;
    const thinking = this.active && !bot && (this.waits ? "Others are talking; your answer comes in a moment…" : "Thinking…");
    state(this.speaking ? "You speak." : bot ? "Roundelay speaks. Speak over it to interrupt." : thinking ? thinking : this.microphone ? "Listening…" : "Type a message.");
  }

  close() {
    clearInterval(this.timer);
    this.microphone?.close();
    this.player?.stop();
    this.socket?.close();
    this.context?.close();
  }
}

function who(name, on, level) {
  const element = $(`who-${name}`);
  element.dataset.on = String(on);
  element.querySelector(".orb").style.setProperty("--level", String(Math.max(level, on ? 0.15 : 0)));
}

function state(text) {
  if ($("talk-state").textContent !== text) $("talk-state").textContent = text;
}

function stop(reason = "") {
  live?.close();
  live = null;
  who("you", false, 0);
  who("bot", false, 0);
  $("interrupt").disabled = true;
  $("talk-button").dataset.live = "false";
  $("talk-label").textContent = "Start talking";
  state(reason || "The microphone is off.");
}

async function start(withMicrophone) {
  const fault = $(withMicrophone ? "talk-error" : "type-error");
  ["talk-error", "type-error"].forEach((id) => complain($(id), null));
  state("Connecting…");
  $("talk-button").disabled = true;
  const made = new Conversation();
  live = made;
  made.fault = fault;
  try {
    await made.start(withMicrophone);
    $("talk-button").dataset.live = "true";
    $("talk-label").textContent = withMicrophone ? "Stop" : "End";
  } catch (error) {
    stop();
    complain(fault, await reasonOf(error));
  } finally {
    $("talk-button").disabled = false;
  }
}

/** Find out why a socket was refused, which a browser does not tell, by asking the server. */
async function reasonOf(error) {
  const ready = await fetch("ready").then((response) => response.json(), () => null);
  if (!ready) return new Error("the server cannot be reached; is it still running?");
  if (!ready.ready) return new Error(ready.reason ?? "the model is still loading; try again in a moment");
  try {
    await json("v1/models");
    const { data } = await json("v1/x/sessions");
    const { limits } = await json("v1/x/controls");
    if (data.filter((each) => each.live).length >= limits.sessions) return new Error("as many people are talking as this server carries; wait a moment, and try again");
  } catch (other) {
    return other;
  }
  return error;
}

/** Say which engines hear, speak and answer. */
export async function showEngines() {
  const { hears, speaks, answering } = await json("v1/x/controls");
  $("talk-engines").textContent = hears ? `${hears} hears, ${speaks} speaks, ${answering === "embedded" ? "the embedded skills answer" : `${answering} answers`}.` : "";
}

export function setUp() {
  $("talk-button").onclick = () => (live ? stop() : start(true));
  $("interrupt").onclick = () => live?.interrupt();
  $("type-form").onsubmit = async (event) => {
    event.preventDefault();
    const text = $("type").value.trim();
    if (!text) return;
    if (!live) await start(false);
    if (!live) return;
    $("type").value = "";
    complain($("type-error"), null);
    live.fault = $("type-error");
    live.type(text);
  };
}
