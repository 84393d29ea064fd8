// --- time, controls, words ------------------------------------------------------------------------------------------

const REST_AT_END_S = 1.5, SAY_EVERY_S = 0.2, READ_OUT_EVERY_S = 6;
const HAND_RESTS_MS = 800;  // longer than a moved slider's run takes to come
const TOUCHES = ["keydown", "pointerdown", "pointermove"];
const speedInWords = (speed) => (speed === 1 ? "real time" : speed > 1 ? `${speed}x faster` : `${Math.round(1 / speed)}x slower`);
const KEYS = "Keys: space plays, . steps, \u2190 \u2192 scrub, Home, End, + \u2212 speed";
const MARKS = { ok: "tick", refused: "square", lost: "cross", "timed out": "clock" };
const QUIET = window.matchMedia("(prefers-reduced-motion: reduce)");
const WIDE_SCENE = 900;  // in design units: a wider one cannot be read in half of a panel

const make = (tag, attributes, parent, text) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
};

class Controls {
  constructor(root, act) {
    this.title = make("div", { class: "sdlib-stage-title" }, root);
    this.view = make("div", { class: "sdlib-stage-view" }, root);
    this.canvas = make("canvas", { role: "img", tabindex: "0" }, this.view);
    this.strip = make("div", { class: "sdlib-stage-strip" }, root);
    const bar = make("div", { class: "sdlib-stage-bar", role: "toolbar", "aria-label": "playback" }, root);
    this.play = make("button", { type: "button", class: "sdlib-stage-play" }, bar);
    this.step = make("button", { type: "button", title: "to the next event (key: .)" }, bar, "Step");
    this.scrub = make("input", { type: "range", min: "0", max: "1000", value: "0", "aria-label": "moment of the window" }, bar);
    this.clock = make("output", {}, bar);
    this.speed = make("select", { "aria-label": "speed", title: "speed" }, bar);
    for (const speed of SPEEDS) {
      make("option", { value: speed }, this.speed, speedInWords(speed));
    }
    this.tally = make("div", { class: "sdlib-stage-tally", title: "from the window's start until now" }, root);
    this.now = make("div", { class: "sdlib-stage-now" }, root);
    this.told = make("div", { class: "sdlib-stage-told" }, root);
    this.legend = make("div", { class: "sdlib-stage-legend" }, root);
    this.aloud = make("div", { class: "sdlib-stage-aloud", role: "status", "aria-live": "polite" }, root);
    this.play.addEventListener("click", act.toggle);
    this.step.addEventListener("click", act.step);
    this.scrub.addEventListener("input", () => act.seek(Number(this.scrub.value) / 1000));
    this.speed.addEventListener("change", () => act.setSpeed(Number(this.speed.value)));
    root.addEventListener("keydown", (event) => this.key(event, act));
  }

  // Keys of the stage; none of them reaches JupyterLab, where two letters delete a cell.
  key(event, act) {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === this.speed) return;
    const onScrub = event.target === this.scrub, onButton = event.target.tagName === "BUTTON";
    const chosen = { " ": onButton ? null : act.toggle, k: act.toggle, ".": act.step, Home: () => act.seek(0),
      End: () => act.seek(1), ArrowRight: onScrub ? null : () => act.nudge(0.01), "+": () => act.faster(1),
      ArrowLeft: onScrub ? null : () => act.nudge(-0.01), "-": () => act.faster(-1) }[event.key];
    if (!chosen) return;
    event.preventDefault();
    chosen();
  }

  setPlaying(isPlaying) {
    this.play.textContent = isPlaying ? "Pause" : "Play";
    this.play.setAttribute("aria-pressed", isPlaying ? "true" : "false");
    this.play.title = isPlaying ? "pause (space)" : "play (space)";
  }

  item(parent, mark, text) {
    const span = make("span", {}, parent);
    make("i", { class: `sdlib-mark-${mark}`, "aria-hidden": "true" }, span);
    span.append(text);
    return span;
  }

  explain(about, boxes, map) {
    const old = about.old_s >= 1 ? `${about.old_s.toPrecision(2)} s` : `${Math.round(about.old_s * 1000)} ms`;
    this.legend.textContent = "";
    this.item(this.legend, "age", `request: new to ${old} and older`);
    this.item(this.legend, "answer", "answer");
    if (map) this.explainMap(map.spots);
    else this.explainBoxes(about);
    if (about.has_timeouts) this.item(this.legend, "grey", "abandoned: worked on though nobody waits");
    if (about.has_messages) {
      this.item(this.legend, "message", "message");
      this.item(this.legend, "hidden", "taken, hidden");
    }
    if (about.counted) make("span", {}, this.legend, `of those not drawn ${whole(about.counted)} only wait here`);
    this.explainEnds(about);
    this.showStrip(about);
    this.now.textContent = "";
    this.lines = about.lines.map((place) => {
      const line = make("div", {}, this.now);
      make("b", {}, line, boxes[place].name);
      return { box: boxes[place], said: make("span", {}, line) };
    });
    this.say("");
  }

  // What is seen on a map only.
  explainMap(spots) {
    this.item(this.legend, "country", "country");
    if (spots.some((spot) => spot.is_large)) this.item(this.legend, "machines", "machines");
    if (spots.some((spot) => !spot.is_large)) this.item(this.legend, "edge", "edge");
  }

  // What is seen in boxes only.
  explainBoxes(about) {
    const megabytes = [...new Set(about.memory_mb.filter((one, node) => one && about.memory[node]))];
    if (megabytes.length === 1) this.item(this.legend, "memory", `memory: ${megabytes[0]} MB a request`);
    if (about.places.some(Boolean)) this.item(this.legend, "tint", "tint: how busy");
  }

  // How requests end in this window, each with its mark and its number so far.
  explainEnds(about) {
    this.tally.textContent = "";
    const chip = (mark, text) => {
      const span = this.item(this.tally, mark, `${text} `);
      return make("b", {}, span);
    };
    this.ends = about.outcomes.map((code) => {
      const status = about.statuses[code];
      return { code, number: chip(MARKS[status] || "square", status === "ok" ? "answered" : status === "lost" ? "lost" : status) };
    });
    this.delivered = about.has_messages ? chip("tick", "messages done") : null;
    this.open = chip("dot", "still inside");
  }

  // The whole run as a line, with this window and the times when a machine was down.
  showStrip(about) {
    this.strip.textContent = "";
    const percent = (seconds) => 100 * clamp(seconds / about.run_s, 0, 1), name = (seconds) => `${Number(seconds.toPrecision(3))} s`;
    make("span", {}, this.strip, "whole run: 0 s");
    const line = make("div", { role: "img", "aria-label": `The window is at ${name(about.from_s)} to ${name(about.from_s + about.seconds)}`
      + ` of the run's ${name(about.run_s)}.` }, this.strip);
    for (const [, from, until] of about.downs) {
      make("i", { class: "sdlib-strip-down", style: `left:${percent(from)}%;width:${percent(until) - percent(from)}%`, title: "down" }, line);
    }
    const here = make("i", { class: "sdlib-strip-window", style: `left:${percent(about.from_s)}%;width:${percent(about.seconds)}%` }, line);
    this.moment = make("i", { class: "sdlib-strip-now" }, here);
    make("span", {}, this.strip, name(about.run_s));
  }

  // What has just happened; without it the keys.
  say(words) {
    this.told.textContent = this.told.title = words || KEYS;
    this.told.classList.toggle("sdlib-stage-event", Boolean(words));
  }
}

class Player {
  constructor(root) {
    this.root = root;
    this.frames = new Float32Array(600);
    this.frame = this.lastAt = this.time = this.restS = this.sinceSaid = this.sinceReadOut = 0;
    this.settleS = 0;
    this.isPlaying = this.isOnScreen = this.isHeld = false;
    this.wantsToPlay = !QUIET.matches;
    this.tick = this.tick.bind(this);
    this.controls = new Controls(root, { toggle: () => this.toggle(), step: () => this.step(),
      seek: (share) => this.seekTo(share * this.trace.about.seconds), setSpeed: (speed) => { this.speed = speed; },
      nudge: (share) => this.seekTo(this.time + share * this.trace.about.seconds), faster: (by) => this.faster(by) });
    this.watch();
  }

  watch() {
    this.seen = new IntersectionObserver(([entry]) => {
      this.isOnScreen = entry.isIntersecting;
      this.goOn();
    });
    this.seen.observe(this.root);
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.controls.view);
    this.themed = new MutationObserver(() => this.trace && setTimeout(() => this.repaint(), 50));
    this.themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
    this.onHide = () => this.goOn();
    document.addEventListener("visibilitychange", this.onHide);
    this.onQuiet = () => { if (QUIET.matches) this.pause(); };
    QUIET.addEventListener("change", this.onQuiet);
    this.onTouch = (event) => this.hold(event);
    for (const touch of TOUCHES) document.addEventListener(touch, this.onTouch, true);
  }

  close() {
    this.seen.disconnect();
    this.resized.disconnect();
    this.themed.disconnect();
    document.removeEventListener("visibilitychange", this.onHide);
    QUIET.removeEventListener("change", this.onQuiet);
    for (const touch of TOUCHES) document.removeEventListener(touch, this.onTouch, true);
    clearTimeout(this.handRests);
    this.isPlaying = false;
    cancelAnimationFrame(this.asked);
  }

  show(shown) {
    this.trace = new Trace(shown);
    const { about } = this.trace;
    this.speed = SPEEDS.reduce((best, one) => (Math.abs(one - about.speed) < Math.abs(best - about.speed) ? one : best));
    this.controls.speed.value = String(this.speed);
    this.controls.title.textContent = about.title;
    this.root.classList.toggle("sdlib-stage-wide", this.trace.scene.width > WIDE_SCENE);
    this.controls.canvas.setAttribute("aria-label", about.words);
    this.controls.explain(about, this.trace.scene.boxes, this.trace.scene.map);
    this.book = new Book(this.trace);
    this.build();
    this.time = 0;
    this.seekTo(this.wantsToPlay ? 0 : about.still_s, false);
    this.letGo();
  }

  // While a hand moves this panel's settings the picture stands still: it shows a run that is over, and its frames
  // would take the processor from the new run and its chart.
  hold({ target, type, buttons }) {
    const controls = target.closest?.(".sdlib-controls");
    if (!controls || !controls.parentElement.contains(this.root) || (type === "pointermove" && !buttons)) return;
    this.isHeld = true;
    clearTimeout(this.handRests);
    this.handRests = setTimeout(() => this.letGo(), HAND_RESTS_MS);
    this.goOn();
  }

  letGo() {
    clearTimeout(this.handRests);
    this.isHeld = false;
    this.goOn();
  }

  build() {
    const width = this.controls.view.clientWidth;
    if (!width) return;
    this.width = width;
    const isMap = Boolean(this.trace.scene.map);
    this.geometry = new (isMap ? MapGeometry : Geometry)(this.trace, width);
    this.effects = new Effects(this.geometry, this.book.nodes);
    this.dots = new (isMap ? MapDots : Dots)(this.trace, this.geometry, this.book, this.effects);
    this.painter = new (isMap ? MapPainter : Painter)(this.controls.canvas, this.trace, this.geometry, this.book, this.dots, this.effects);
    this.painter.take(this.counts());
  }

  resize() {
    if (!this.trace || this.controls.view.clientWidth === this.width) return;
    this.build();
    this.seekTo(this.time, false);
  }

  repaint() {
    if (!this.painter) return;
    this.painter.prepare();
    this.painter.draw(0);
  }

  toggle() { if (this.wantsToPlay) this.pause(); else this.start(); }

  start() {
    this.wantsToPlay = true;
    this.point(NOWHERE, "");
    if (this.time >= this.trace.about.seconds) this.seekTo(0, false);
    this.goOn();
  }

  pause() {
    this.wantsToPlay = false;
    this.goOn();
    if (this.painter) this.say(true);
  }

  // Run the loop exactly while somebody wants to and can see it.
  goOn() {
    const shouldPlay = this.wantsToPlay && this.isOnScreen && !document.hidden && !this.isHeld && Boolean(this.painter);
    this.controls.setPlaying(this.wantsToPlay);
    if (shouldPlay === this.isPlaying) return;
    this.isPlaying = shouldPlay;
    this.lastAt = 0;
    if (shouldPlay) this.ask();
  }

  ask() { this.asked = requestAnimationFrame(this.tick); }

  tick(at) {
    if (this.lastAt) this.frames[this.frame++ % this.frames.length] = at - this.lastAt;
    const seconds = this.lastAt ? Math.min((at - this.lastAt) / 1000, 0.1) : 0;
    this.lastAt = at;
    if (this.isPlaying) this.advance(seconds);
    const isMoving = this.settleS > 0;
    if (!this.isPlaying && isMoving) this.settleS -= seconds;
    if (this.isPlaying || isMoving) this.ask();
    else this.lastAt = 0;
    this.paint(seconds);
  }

  advance(seconds) {
    const end = this.trace.about.seconds;
    if (this.time >= end) {
      this.restS += seconds;
      if (this.restS > REST_AT_END_S) this.seekTo(0, false);
      return;
    }
    this.restS = 0;
    this.time = Math.min(this.time + seconds * this.speed, end);
    this.book.goTo(this.time, this.dots);
    const { captions } = this.effects, newest = captions.length ? captions[captions.length - 1].words : "";
    if (newest !== this.newest) this.point(NOWHERE, this.newest = newest);
    this.sinceSaid += seconds;
    this.sinceReadOut += seconds;
    if (this.sinceSaid > SAY_EVERY_S) this.say(this.sinceReadOut > READ_OUT_EVERY_S);
  }

  paint(seconds) {
    this.dots.ease(1 - Math.exp(-EASE_PER_S * seconds));
    this.effects.grow(seconds);
    this.painter.draw(seconds);
  }

  // Go to a time of the window: at once, with every dot where it belongs.
  seekTo(time, aloud = true) {
    this.time = clamp(time, 0, this.trace.about.seconds);
    this.restS = 0;
    this.book.goTo(this.time, null);
    if (!this.painter) return;
    this.effects.clear();
    this.point(NOWHERE, "");
    this.dots.ease(1);
    this.say(aloud && !this.isPlaying);
    this.painter.draw(Infinity);
  }

  // The next event, seen as it happens.
  step() {
    const { book, trace } = this;
    this.wantsToPlay = false;
    this.goOn();
    if (book.next >= trace.length) return;
    const first = book.next;
    this.time = trace.time[first];
    book.goTo(this.time, this.dots);
    this.point(trace.who[first], book.tell(first, book.next));
    this.say(true);
    if (QUIET.matches) {
      this.dots.ease(1);
      this.painter.draw(0);
    } else {
      this.settleS = 0.9;
      cancelAnimationFrame(this.asked);
      this.lastAt = 0;
      this.ask();
    }
  }

  // What is said to have happened, and the dot that it happened to.
  point(who, words) {
    if (this.dots) this.dots.ringed = who;
    this.controls.say(words);
  }

  // All numbers of now: those in the picture and those in words are the same.
  counts() {
    const counts = this.book.counts(true), { geometry, book } = this;
    for (const { machines } of geometry.scene.boxes) {
      let before = 0;
      for (const { node, shares } of machines) {
        const queued = book.queues[node].length, room = geometry.queueDots[node].room;
        const drawn = clamp(room - before, 0, queued);
        counts[node].more = counts[node].waiting - drawn;
        if (shares) before += queued;
      }
    }
    return counts;
  }

  faster(by) {
    this.speed = SPEEDS[clamp(SPEEDS.indexOf(this.speed) + by, 0, SPEEDS.length - 1)];
    this.controls.speed.value = String(this.speed);
  }

  say(aloud) {
    const { controls, trace, book } = this, { about } = trace, counts = this.counts();
    const at = `${(about.from_s + this.time).toFixed(about.seconds < 0.5 ? 4 : about.seconds < 5 ? 3 : 2)} s`;
    const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
    const said = controls.lines.map(({ box, said: place }) => {
      const words = book.words(box, counts);
      put(place, words);
      return `${box.name}: ${words}`;
    });
    for (const { code, number } of controls.ends) put(number, whole(book.ended[code]));
    if (controls.delivered) put(controls.delivered, whole(book.delivered));
    put(controls.open, whole(book.inTheSystem()));
    this.painter.take(counts);
    this.sinceSaid = 0;
    controls.clock.textContent = at;
    controls.scrub.value = String(Math.round(1000 * this.time / about.seconds));
    controls.scrub.setAttribute("aria-valuetext", at);
    controls.moment.style.left = `${100 * this.time / about.seconds}%`;
    if (aloud) {
      this.sinceReadOut = 0;
      const event = controls.told.classList.contains("sdlib-stage-event") ? ` ${controls.told.textContent}.` : "";
      controls.aloud.textContent = `${at}:${event} ${said.join("; ") || "nothing yet"}`;
    }
  }

  // What tests ask; nothing else uses it.
  hooks() {
    return {
      player: this, frames: () => Array.from(this.frames.slice(0, Math.min(this.frame, this.frames.length))),
      seek: (time) => { this.wantsToPlay = false; this.goOn(); this.seekTo(time); },
      countsAt: (time) => { const book = new Book(this.trace); book.goTo(time); return { nodes: book.counts(),
        inFlight: book.inFlight, open: book.inTheSystem(), ended: Array.from(book.ended) }; },
      drawn: () => { const { waiting, working, elsewhere, clients } = this.painter.drawn;
        return { waiting: Array.from(waiting), working: Array.from(working), elsewhere: Array.from(elsewhere), clients }; },
    };
  }
}

function render({ model, el }) {
  const root = make("div", { class: "sdlib-stage", role: "group", "aria-label": "moving picture of the system",
    "data-lm-suppress-shortcuts": "true" }, el);
  const player = new Player(root);
  const show = () => {
    const shown = model.get("shown");
    if (shown && shown.events) player.show(shown);
    else player.controls.title.textContent = "The stage is empty. If it was not before, run this cell again.";
  };
  root.stage = player.hooks();
  model.on("change:shown", show);
  show();
  return () => {
    model.off("change:shown", show);
    player.close();
  };
}

export default { render };
