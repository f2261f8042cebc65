// The latency of a turn by stage, from the end of the user's speech to the first audio of the answer.

const WORDS = {
  noticed: "silence detected", drafted: "answer begun", heard: "transcript ready", committed: "turn is over",
  text: "first text", sound: "first audio", sent: "audio sent",
};
const KEPT = 6;

const make = (name, text = "", className = "") => {
  const element = document.createElement(name);
  element.textContent = text;
  element.className = className;
  return element;
};

/** The time from the end of the user's speech to the first sample sent, in ms, or null. */
export const answeredAfter = (turn) => turn.parts.find((part) => part.part === "sent")?.ms ?? null;

/** Draw the latest turns, the newest first. */
export function draw(place, turns) {
  const shown = turns.filter((turn) => turn.parts.length > 2).slice(-KEPT).reverse();
  place.replaceChildren(...shown.map(table));
  return shown.length;
}

function table(turn) {
  const parts = [...turn.parts].sort((a, b) => a.ms - b.ms);
  const longest = Math.max(1, ...parts.map((part) => part.ms));
  const made = make("table");
  const total = answeredAfter(turn);
  const ahead = turn.ahead_ms > 0 ? `, begun ${turn.ahead_ms} ms ahead` : "";
  made.append(make("caption", `Turn ${turn.turn}: ${total === null ? "no sound yet" : `${total} ms`}${ahead}`));
  let before = 0;
  for (const { part, ms } of parts) {
    const row = made.insertRow();
    const head = make("th", WORDS[part] ?? part);
    head.scope = "row";
    const lane = make("span", "", "lane");
    const bar = make("span", "", ["noticed", "heard", "committed"].includes(part) ? "user" : "");
    bar.style.setProperty("left", `${(Math.max(0, before) / longest) * 100}%`);
    bar.style.setProperty("width", `${(Math.max(0, ms - Math.max(0, before)) / longest) * 100}%`);
    lane.append(bar);
    row.append(head);
    row.insertCell().append(lane);
    row.append(make("td", `${ms} ms`, "ms"));
    before = ms;
  }
  return made;
}
