// Audio input and output: 24 kHz, 16 bit, mono on the wire; float32 inside.

export const RATE = 24000;

export function toBytes(samples) {
  const out = new Int16Array(samples.length);
  for (let at = 0; at < samples.length; at += 1) out[at] = Math.max(-1, Math.min(1, samples[at])) * 32767;
  return new Uint8Array(out.buffer);
}

export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

export function fromBase64(text) {
  return fromBytes(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
}

export function fromBytes(bytes) {
  const whole = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)));
  return Float32Array.from(whole, (value) => value / 32768);
}

/** The samples as a WAV file. */
export function wav(samples) {
  const head = new DataView(new ArrayBuffer(44));
  const words = (at, text) => [...text].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
  const data = toBytes(samples);
  words(0, "RIFF"), head.setUint32(4, 36 + data.length, true), words(8, "WAVEfmt "), head.setUint32(16, 16, true);
  head.setUint16(20, 1, true), head.setUint16(22, 1, true), head.setUint32(24, RATE, true);
  head.setUint32(28, RATE * 2, true), head.setUint16(32, 2, true), head.setUint16(34, 16, true);
  words(36, "data"), head.setUint32(40, data.length, true);
  return new Blob([head, data], { type: "audio/wav" });
}

export const loudness = (samples) => {
  let sum = 0;
  for (const value of samples) sum += value * value;
  return Math.min(1, Math.sqrt(sum / Math.max(1, samples.length)) * 5);
};

/** Plays chunks in sequence, tracks how much of each item was played, and stops at once. */
export class Player {
  constructor(context) {
    this.context = context;
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 512;
    this.analyser.connect(context.destination);
    this.sources = new Set();
    this.end = 0;
    this.item = null; // {id, begun: start of its playback, seconds: queued so far}
  }

  get playing() {
    return this.end > this.context.currentTime;
  }

  get level() {
    const values = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(values);
    return this.playing ? loudness(values) : 0;
  }

  push(samples, id = "") {
    if (!samples.length) return;
    const buffer = this.context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(samples, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.analyser);
    const at = Math.max(this.end, this.context.currentTime + 0.03);
    if (this.item?.id !== id) this.item = { id, begun: at, seconds: 0 };
    source.start(at);
    this.end = at + buffer.duration;
    this.item.seconds += buffer.duration;
    this.sources.add(source);
    source.onended = () => this.sources.delete(source);
  }

  /** Stop at once. Returns the item that was playing and the milliseconds played of it, or null. */
  stop() {
    const { item, playing } = this;
    this.sources.forEach((source) => source.stop());
    this.sources.clear();
    this.end = 0;
    this.item = null;
    if (!item || !playing) return null;
    const heard = Math.max(0, Math.min(item.seconds, this.context.currentTime - item.begun));
    return { id: item.id, ms: Math.floor(heard * 1000) };
  }
}

/** The microphone: calls `hear(samples at 24 kHz)` with chunks of 40 ms. */
export class Microphone {
  constructor(context, hear) {
    Object.assign(this, { context, hear });
  }

  async open() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error("the browser allows no microphone here: open the page at localhost or by https. You can type below");
    }
    try {
      const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
      this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      const why = error.name === "NotAllowedError" ? "was not allowed" : error.name === "NotFoundError" ? "was not found" : "cannot be opened";
      throw new Error(`the microphone ${why}. You can type below`);
    }
    await this.context.audioWorklet.addModule("capture.js");
    this.node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0, processorOptions: { rate: RATE } });
    this.node.port.onmessage = ({ data }) => this.hear(data);
    this.source = this.context.createMediaStreamSource(this.stream);
    this.source.connect(this.node);
  }

  close() {
    this.source?.disconnect();
    this.node?.port.close();
    this.stream?.getTracks().forEach((track) => track.stop());
  }
}
