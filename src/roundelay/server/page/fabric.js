// Fabric: the waste of every architecture for the chosen fabric, and the report.

import { complain, json } from "./server.js";

const $ = (id) => document.getElementById(id);
const percent = (ratio) => `${(100 * ratio).toFixed(2)} %`;
let asked = 0;
let timer = 0;

async function ask() {
  const mine = (asked += 1);
  complain($("fabric-error"), null);
  $("fabric-state").textContent = "Counting…";
  const query = new URLSearchParams({ gpus: $("gpus").value, gpus_per_node: $("per-node").value, tp: $("tp").value, fault_percent: $("faults").value });
  try {
    const { rows } = await json(`v1/x/fabric?${query}`);
    if (mine !== asked) return;
    $("fabric-state").textContent = "";
    table(rows);
  } catch (error) {
    if (mine !== asked) return;
    $("fabric-state").textContent = "";
    $("fabric-table").tBodies[0]?.remove();
    complain($("fabric-error"), error);
  }
}

function table(rows) {
  const place = $("fabric-table");
  const caption = place.caption;
  place.replaceChildren(caption);
  const head = place.createTHead().insertRow();
  for (const word of ["architecture", "wasted", "", "at its worst", "largest job"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = word;
    if (!word) cell.className = "bar";
    head.append(cell);
  }
  const body = place.createTBody();
  const most = Math.max(...rows.map((row) => row.waste), 1e-9);
  for (const row of rows) {
    const line = body.insertRow();
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = row.arch;
    line.append(name);
    line.insertCell().textContent = percent(row.waste);
    const lane = document.createElement("span");
    const bar = document.createElement("span");
    lane.className = "lane";
    bar.style.setProperty("width", `${(100 * row.waste) / most}%`);
    lane.append(bar);
    const cell = line.insertCell();
    cell.className = "bar";
    cell.append(lane);
    line.insertCell().textContent = percent(row.max);
    line.insertCell().textContent = `${row.largest_job_min_gpus.toLocaleString("en")} GPUs`;
  }
}

export function setUp() {
  const shown = () => ($("faults-shown").textContent = `${Number($("faults").value).toFixed(1)} %`);
  $("fabric-form").onsubmit = (event) => event.preventDefault();
  $("fabric-form").oninput = () => {
    shown();
    clearTimeout(timer);
    timer = setTimeout(ask, 250);
  };
}

/** Query once, and load the report, when the tab is first opened. */
export function open() {
  if (asked) return;
  ask();
  const report = $("report");
  $("report-state").textContent = "A year of faults is being replayed on every architecture; the first time takes a few seconds…";
  report.onload = () => {
    $("report-state").textContent = "A year of faults, replayed on every architecture.";
    report.hidden = false;
  };
  report.src = "fabric/report";
}
