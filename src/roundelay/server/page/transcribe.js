// Transcribe: a recording to text.

import { call, complain } from "./server.js";

const $ = (id) => document.getElementById(id);
let asked = 0;

async function transcribe(file) {
  const mine = (asked += 1);
  complain($("transcribe-error"), null);
  $("transcribe-result").hidden = true;
  URL.revokeObjectURL($("transcribe-audio").src);
  $("transcribe-audio").src = URL.createObjectURL(file);
  $("transcribe-audio").hidden = false;
  $("transcribe-state").textContent = `Listening to ${file.name}…`;
  const form = new FormData();
  form.append("file", file);
  form.append("model", "roundelay");
  form.append("response_format", "verbose_json");
  const began = performance.now();
  try {
    const { text, duration } = await (await call("v1/audio/transcriptions", { method: "POST", body: form })).json();
    if (mine !== asked) return;
    const took = (performance.now() - began) / 1000;
    $("transcribe-state").textContent = `${duration.toFixed(1)} s of audio, transcribed in ${took.toFixed(1)} s.`;
    $("transcribe-text").textContent = text || "(no speech found)";
    $("transcribe-copy").hidden = !text;
    $("transcribe-result").hidden = false;
  } catch (error) {
    if (mine !== asked) return;
    $("transcribe-state").textContent = "";
    complain($("transcribe-error"), error);
  }
}

export function setUp() {
  const drop = $("drop");
  $("transcribe-form").onsubmit = (event) => event.preventDefault();
  for (const id of ["transcribe-file", "transcribe-record"]) {
    $(id).onchange = ({ target }) => target.files[0] && transcribe(target.files[0]);
  }
  drop.ondragover = (event) => (event.preventDefault(), drop.classList.add("over"));
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files[0]) transcribe(event.dataTransfer.files[0]);
  };
  $("transcribe-copy").onclick = async () => {
    try {
      await navigator.clipboard.writeText($("transcribe-text").textContent);
      complain($("copy-error"), null);
      $("transcribe-state").textContent = "Copied.";
    } catch {
      complain($("copy-error"), "the browser allows no copying here: select the text and copy it yourself");
    }
  };
}
