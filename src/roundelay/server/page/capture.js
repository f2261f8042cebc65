// The audio worklet of the microphone: chunks of 40 ms at the wire's rate.

class Capture extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.step = sampleRate / rate; // 1 if the context runs at the requested rate, the wire's
    this.piece = new Float32Array(rate * 0.04);
    this.filled = 0;
    this.place = 0;
    this.last = 0;
  }

  process([[samples]]) {
    if (!samples) return true;
    for (; this.place < samples.length; this.place += this.step) {
      const at = Math.floor(this.place);
      const before = at === 0 ? this.last : samples[at - 1];
      this.piece[this.filled] = before + (samples[at] - before) * (this.step === 1 ? 1 : this.place - at);
      this.filled += 1;
      if (this.filled === this.piece.length) {
        this.port.postMessage(this.piece.slice());
        this.filled = 0;
      }
    }
    this.place -= samples.length;
    this.last = samples[samples.length - 1];
    return true;
  }
}

registerProcessor("capture", Capture);
