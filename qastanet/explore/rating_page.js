// The page on which a trial is rated: sounds that switch at the same place, sliders, keys.
// Python sends `page` and `sounds`; the page keeps `values` and `heard`, and sends "submit".

const WORDS = ["Excellent", "Good", "Fair", "Poor", "Bad"];
const HEARD_MS = 500; // a sound counts as heard after this
const FADE_S = 0.01;
const LOOK = `
.mushra { font: 14px sans-serif; border: 1px solid #bbb; padding: 12px; max-width: 900px; outline: none }
.mushra:focus-within { border-color: #1f77b4 }
.mushra .line { display: flex; gap: 12px; align-items: center; margin: 8px 0; flex-wrap: wrap }
.mushra .board { display: flex; gap: 10px; align-items: stretch }
.mushra .words { display: flex; flex-direction: column; justify-content: space-around; height: 220px;
  text-align: right; margin-top: 34px }
.mushra .column { display: flex; flex-direction: column; align-items: center; width: 64px }
.mushra .column input { writing-mode: vertical-lr; direction: rtl; height: 220px; width: 24px }
.mushra button { min-width: 44px; min-height: 28px }
.mushra button.playing { background: #1f77b4; color: white }
.mushra button.unheard { border-style: dashed }
.mushra .hint { color: #666; font-size: 12px }`;

function element(kind, parent, facts = {}, text = "") {
  const made = Object.assign(document.createElement(kind), facts);
  made.textContent = text;
  parent.append(made);
  return made;
}

function range(parent, label, max, step, value, aria) {
  const box = element("label", parent, {}, label);
  const made = element("input", box, { type: "range", min: 0, max, step });
  made.value = value;
  made.setAttribute("aria-label", aria);
  return made;
}

class Player {
  constructor() {
    this.context = new AudioContext();
    this.buffers = [];
    this.playing = null; // index of the sound that is heard
    this.current = 0; // the one that space plays
    this.place = 0; // seconds
    this.loop = true;
    this.from = 0;
    this.to = 0;
  }
  async load(sounds) {
    this.stop();
    const copies = sounds.map((x) => x.buffer.slice(x.byteOffset, x.byteOffset + x.byteLength));
    this.buffers = await Promise.all(copies.map((x) => this.context.decodeAudioData(x)));
    [this.place, this.from, this.to, this.current] = [0, 0, this.duration, 0];
  }
  get duration() {
    return this.buffers.length ? this.buffers[0].duration : 0;
  }
  now() {
    if (this.playing === null) return this.place;
    const passed = this.context.currentTime - this.begun;
    const at = this.place + passed;
    if (!this.loop || at < this.to) return Math.min(at, this.duration);
    return this.from + ((at - this.from) % Math.max(this.to - this.from, 0.05));
  }
  stop() {
    if (this.playing === null) return;
    this.place = this.now();
    this.playing = null;
    const [source, gain, time] = [this.source, this.gain, this.context.currentTime];
    source.onended = null;
    gain.gain.setValueAtTime(1, time);
    gain.gain.linearRampToValueAtTime(0, time + FADE_S);
    source.stop(time + FADE_S);
  }
  play(index) {
    this.stop();
    this.context.resume();
    if (this.loop && (this.place < this.from || this.place >= this.to)) this.place = this.from;
    if (this.place >= this.duration - 0.01) this.place = this.from;
    const source = this.context.createBufferSource();
    const gain = this.context.createGain();
    const time = this.context.currentTime;
    Object.assign(source, { buffer: this.buffers[index], loop: this.loop });
    Object.assign(source, { loopStart: this.from, loopEnd: this.to });
    source.onended = () => ((this.playing = null), (this.place = this.from));
    gain.gain.setValueAtTime(0, time);
    gain.gain.linearRampToValueAtTime(1, time + FADE_S);
    source.connect(gain).connect(this.context.destination);
    source.start(time, this.place);
    Object.assign(this, { source, gain, begun: time, playing: index, current: index });
  }
  again() {
    if (this.playing !== null) this.play(this.playing);
  }
  seek(place) {
    const playing = this.playing;
    this.stop();
    this.place = Math.min(Math.max(place, this.from), this.to);
    if (playing !== null) this.play(playing);
  }
}

function render({ model, el }) {
  const player = new Player();
  const root = element("div", el, { className: "mushra", tabIndex: 0 });
  root.dataset.lmSuppressShortcuts = "true"; // keys are ours here, not JupyterLab's
  element("style", root, {}, LOOK);
  const body = element("div", root);
  let [buttons, sliders, begun, since] = [[], [], Date.now(), null];
  let [submit, left, place, toggle] = [];

  const values = () => sliders.map((x) => Number(x.value));
  const heard = () => [...model.get("heard")];
  function keep(name, value) {
    model.set(name, value);
    model.save_changes();
  }
  function show() {
    const now = heard();
    buttons.forEach((x, i) => {
      x.classList.toggle("playing", player.playing === i);
      x.classList.toggle("unheard", !now[i]);
      x.setAttribute("aria-pressed", player.playing === i);
    });
    if (!submit) return;
    const missing = now.filter((x) => !x).length;
    submit.disabled = missing > 0 || !buttons.length;
    left.textContent = missing ? `${missing} not heard yet` : "";
    toggle.textContent = player.playing === null ? "Play" : "Pause";
    if (document.activeElement !== place) place.value = player.now();
  }
  function play(index) {
    if (!player.buffers[index]) return;
    player.play(index);
    since = { index, time: performance.now() };
    show();
  }
  function pause() {
    if (player.playing === null) play(player.current);
    else player.stop();
    show();
  }
  function watch() {
    if (since && player.playing !== since.index) since = null;
    if (since && performance.now() - since.time > HEARD_MS && !heard()[since.index]) {
      const now = heard();
      now[since.index] = true;
      keep("heard", now);
    }
    show();
  }
  function send() {
    if (submit.disabled) return;
    player.stop();
    submit.disabled = true;
    model.send({ kind: "submit", values: values(), milliseconds: Date.now() - begun });
  }
  function nudge(amount) {
    const slider = sliders[player.current - 1];
    if (!slider) return;
    slider.value = Number(slider.value) + amount;
    slider.dispatchEvent(new Event("input"));
    slider.dispatchEvent(new Event("change"));
  }
  root.addEventListener("keydown", (event) => {
    const index = /^[0-9]$/.test(event.key) ? Number(event.key) : event.key.toLowerCase() === "r" ? 0 : -1;
    const [up, step] = [{ ArrowUp: 1, ArrowDown: -1 }[event.key], event.shiftKey ? 10 : 1];
    const aside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (index >= 0) play(index);
    else if (event.key === " ") pause();
    else if (up) nudge(up * step);
    else if (aside && event.target.type !== "range") player.seek(player.now() + aside * 0.5);
    else if (event.key.toLowerCase() === "l") loop.click();
    else if (event.key === "Enter" && event.target.tagName !== "BUTTON") send();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  let loop;

  async function build() {
    const page = model.get("page");
    body.replaceChildren();
    [buttons, sliders, submit] = [[], [], null];
    player.stop();
    element("div", body, { className: "line page" }, page.title);
    if (!page.names) return;
    await player.load(model.get("sounds"));
    const length = player.duration;
    const line = element("div", body, { className: "line" });
    toggle = element("button", line, { onclick: pause }, "Play");
    place = range(line, "Place ", length, 0.01, 0, "Place in the sound");
    place.oninput = () => player.seek(Number(place.value));
    const box = element("label", line, {}, "Loop ");
    loop = element("input", box, { type: "checkbox", checked: player.loop });
    loop.onchange = () => ((player.loop = loop.checked), player.again());
    for (const [name, value] of [["from", 0], ["to", length]]) {
      const end = range(line, `${name} `, length, 0.01, value, `Loop ${name}`);
      end.oninput = () => {
        player[name] = Number(end.value);
        if (player.to - player.from < 0.1) player.to = Math.min(player.from + 0.1, length);
        player.seek(player.now());
      };
    }
    const board = element("div", body, { className: "board" });
    const first = element("div", board, { className: "column" });
    buttons.push(element("button", first, { onclick: () => play(0) }, "Ref"));
    const words = element("div", board, { className: "words" });
    WORDS.forEach((word) => element("span", words, {}, word));
    page.names.forEach((name, i) => {
      const column = element("div", board, { className: "column" });
      buttons.push(element("button", column, { onclick: () => play(i + 1) }, name));
      const slider = element("input", column, { type: "range", min: 0, max: 100, step: 1 });
      slider.value = model.get("values")[i];
      slider.setAttribute("aria-label", `Rating of ${name}`);
      const number = element("span", column, {}, slider.value);
      slider.oninput = () => (number.textContent = slider.value);
      slider.onchange = () => keep("values", values());
      sliders.push(slider);
    });
    const last = element("div", body, { className: "line" });
    submit = element("button", last, { onclick: send, disabled: true }, page.submit);
    left = element("span", last, { className: "hint" });
    element("div", body, { className: "hint" }, page.hint);
    begun = Date.now();
    root.focus({ preventScroll: true });
    show();
  }
  model.on("change:page", build);
  const clock = setInterval(watch, 100);
  build();
  return () => {
    clearInterval(clock);
    player.stop();
    player.context.close();
  };
}

export default { render };
