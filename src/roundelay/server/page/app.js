// The page: its tabs, whether the server is ready, and the key.

import * as fabric from "./fabric.js";
import * as say from "./say.js";
import { complain, json, key } from "./server.js";
import * as talk from "./talk.js";
import * as transcribe from "./transcribe.js";

const $ = (id) => document.getElementById(id);
const tabs = [...document.querySelectorAll("[role=tab]")];

function show(tab, focus = false) {
  for (const each of tabs) {
    const chosen = each === tab;
    each.setAttribute("aria-selected", String(chosen));
    each.tabIndex = chosen ? 0 : -1;
    $(each.getAttribute("aria-controls")).hidden = !chosen;
  }
  const name = tab.getAttribute("aria-controls");
  if (focus) tab.focus();
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
  if (name === "fabric") fabric.open();
}

function turn(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const at = tabs.indexOf(event.target);
  const to = step ? (at + step + tabs.length) % tabs.length : { Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  show(tabs[to], true);
}

async function voices() {
  const { data } = await json("v1/audio/voices");
  const names = data.filter((voice) => !voice.alias_of).map((voice) => voice.id);
  for (const select of document.querySelectorAll(".voices")) {
    select.replaceChildren(...names.map((name) => new Option(name)));
  }
}

/** Poll the model's state and show it; what needs no model works meanwhile. */
async function ready() {
  const pill = $("ready");
  try {
    const answer = await (await fetch("ready")).json();
    if (answer.model === "ready" && pill.dataset.state !== "ready") begin(); // the engines have names now
    pill.dataset.state = answer.model;
    const words = { ready: "ready", loading: "the model is loading…", missing: "no model" };
    pill.textContent = answer.ready || answer.model !== "ready" ? words[answer.model] : answer.reason;
    pill.title = answer.reason ?? "";
    setTimeout(ready, answer.model === "loading" ? 1000 : 10000);
  } catch {
    pill.dataset.state = "missing";
    pill.textContent = "the server is gone";
    setTimeout(ready, 3000);
  }
}

async function begin(given = false) {
  try {
    await voices();
    await say.offerStyles();
    await talk.showEngines();
    $("key-form").hidden = true;
  } catch (error) {
    if (error.status !== 401) console.warn(error);
    if (given) complain($("key-error"), error);
  }
}

document.addEventListener("key-wanted", () => ($("key-form").hidden = false));
$("key-form").onsubmit = (event) => {
  event.preventDefault();
  key.set($("key").value.trim());
  complain($("key-error"), null);
  begin(true);
};
for (const tab of tabs) {
  tab.onclick = () => show(tab);
  tab.onkeydown = turn;
}
for (const part of [talk, say, transcribe, fabric]) part.setUp();
show(tabs.find((tab) => `#${tab.getAttribute("aria-controls")}` === location.hash) ?? tabs[0]);
ready();
begin();
