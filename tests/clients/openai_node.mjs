// OpenAI's JavaScript client: each step prints its name and what came, as one line of JSON. Run by test_openai_node.py.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [base, folder] = process.argv.slice(2);
const packages = createRequire(path.join(process.env.NODE_PACKAGES, "package.json"));
const load = (name) => import(pathToFileURL(packages.resolve(name)));
const { default: OpenAI } = await load("openai");
const { OpenAIRealtimeWS } = await load("openai/realtime/ws");

const client = new OpenAI({ baseURL: base, apiKey: "none", maxRetries: 0 });
const question = "What is the capital of France?";
const tell = (step, value) => console.log(JSON.stringify({ step, value }));

const names = [];
for await (const model of client.models.list()) names.push(model.id);
tell("models", names);

for (const format of ["wav", "mp3"]) {
  const answer = await client.audio.speech.create({
    model: "gpt-4o-mini-tts", voice: "coral", input: question, response_format: format,
  });
  const file = path.join(folder, `said.${format}`);
  fs.writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
  const heard = await client.audio.transcriptions.create({ model: "whisper-1", file: fs.createReadStream(file) });
  tell(`hears its own ${format}`, heard.text);
}

const streamed = await client.audio.speech.create({
  model: "tts-1", voice: "alloy", input: question, response_format: "pcm",
});
let bytes = 0;
for await (const piece of streamed.body) bytes += piece.length;
tell("streams", bytes);

const chat = await client.chat.completions.create({
  model: "gpt-audio", modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" },
  messages: [{ role: "user", content: question }],
});
tell("chat", chat.choices[0].message.audio.transcript);

tell("secret", (await client.realtime.clientSecrets.create({ session: { type: "realtime" } })).value.slice(0, 3));

const converse = (talk) => new Promise((resolve, reject) => {
  let sound = 0;
  talk.on("error", reject);
  talk.on("response.output_audio.delta", (event) => (sound += event.delta.length));
  talk.on("session.created", () => {
    const content = [{ type: "input_text", text: question }];
    talk.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    talk.send({ type: "response.create" });
  });
  talk.on("response.done", ({ response }) => {
    talk.close();
    resolve({ status: response.status, words: response.output[0].content[0].transcript, sound });
  });
});
tell("realtime", await converse(new OpenAIRealtimeWS({ model: "gpt-realtime" }, client)));

// the class for browsers, whose key travels as a subprotocol; Node.js has a WebSocket of its own since version 22
globalThis.WebSocket ??= (await load("ws")).default;
const { OpenAIRealtimeWebSocket } = await load("openai/realtime/websocket");
tell("realtime of a browser", await converse(
  new OpenAIRealtimeWebSocket({ model: "gpt-realtime", dangerouslyAllowBrowser: true }, client),
));
process.exit(0);
