// The moving stage. Every dot is a request of the simulated run; where it is follows from the run's own events.
//
// Trace: the events as columns.  Book: who is where at an instant (exact; the same book as moment.py keeps).
// Geometry: design units to pixels.  Dots: where each dot is drawn, easing to where it is.  Effects: what ended.
// Painter: the canvas.  map.js: the same on the earth.  Player: time and loop.  Controls: buttons, keys, words.

const [SENT, CALLED, QUEUED, STARTED, FREED, RETURNED, DONE, GAVE_UP, CRASHED, UP,
  PUBLISHED, VISIBLE, RECEIVED, DELETED, DEAD, CHANGED, WORK_FAILED, EXPIRED, DROPPED, REDRIVEN] = Array(20).keys();
const [PASSING, WAITING, WORKING] = [0, 1, 2];
const MOST_LETTERS = 52;
const DEEPEST = 24, EASE_PER_S = 10, LEVEL_S = 2.5, NOWHERE = -1;
const SPEEDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const GREEN = [0, 158, 115], AMBER = [230, 159, 0], RED = [213, 94, 0], BLUE = [0, 114, 178], GREY = [140, 140, 140], SKY = [86, 180, 233];
const AGES = 12, OLD = AGES - 1, MESSAGE = AGES, ABANDONED = AGES + 1, LOOKS = AGES + 2;
const rgb = (colour, alpha = 1) => `rgba(${colour[0]},${colour[1]},${colour[2]},${alpha})`;
const mix = (a, b, share) => a.map((value, index) => Math.round(value + (b[index] - value) * share));
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const WHOLE = new Intl.NumberFormat("en-US");  // toLocaleString makes one anew for each number
const whole = (value) => WHOLE.format(value);

// --- the run's events ---------------------------------------------------------------------------------------------

class Trace {
  constructor(shown) {
    this.about = JSON.parse(shown.about);
    this.scene = JSON.parse(shown.scene);
    const { events, entities, requests } = this.about;
    const bytes = shown.events;
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    let at = 0;
    const take = (Type, length) => {
      const column = new Type(buffer, at, length);
      at += column.byteLength;
      return column;
    };
    this.time = take(Float32Array, events);
    this.who = take(Uint32Array, events);
    this.requestOf = take(Int32Array, entities);
    this.rowOf = take(Int32Array, requests);  // of a request, in the run's table
    this.node = take(Int16Array, events);
    this.value = take(Int16Array, events);
    this.what = take(Uint8Array, events);
    this.isClient = take(Uint8Array, entities);
    this.findEnds();
    this.findAttempts();
    this.findCaptions();
    this.sides = [...this.about.lost.map(([time, gone, ended]) => ({ time, gone, ended })),
      ...this.about.sizes.map(([time, node, places, memory]) => ({ time, node, places, memory }))];
    this.sides.sort((a, b) => a.time - b.time);  // what happens beside the events
  }

  get length() { return this.time.length; }

  // When each piece of work ends, and when each machine that is down serves again.
  findEnds() {
    const open = new Map(), down = new Map(), nodes = this.about.names.length;
    this.ends = new Float32Array(this.length).fill(Infinity);
    this.ups = new Float32Array(this.length).fill(Infinity);
    for (let event = 0; event < this.length; event++) {
      const what = this.what[event], key = this.who[event] * nodes + this.node[event];
      if (what === STARTED) open.set(key, event);
      else if ((what === FREED || what === RETURNED) && open.has(key)) {
        this.ends[open.get(key)] = this.time[event];
        open.delete(key);
      } else if (what === CRASHED) down.set(this.node[event], event);
      else if (what === UP && down.has(this.node[event])) {
        this.ups[down.get(this.node[event])] = this.time[event];
        down.delete(this.node[event]);
      }
    }
    for (const [node, event] of down) {  // it serves again after the window
      const began = this.about.from_s + this.time[event], distance = ([, from]) => Math.abs(from - began);
      const known = this.about.downs.filter(([where]) => where === node).sort((a, b) => distance(a) - distance(b))[0];
      if (known) this.ups[event] = known[2] - this.about.from_s;
    }
  }

  // What is said when a machine goes down, comes back or is changed.
  findCaptions() {
    this.captions = new Map();
    const { captions, names } = this.about, used = new Set();
    for (let event = 0; event < this.length; event++) {
      const what = this.what[event], node = this.node[event], time = this.time[event];
      if (time <= 0 || (what !== CRASHED && what !== CHANGED && what !== UP)) continue;
      const found = what === UP ? undefined
        : captions.findIndex(([at, where], place) => !used.has(place) && where === node && Math.abs(at - time) < 1e-3);
      if (what === UP) this.captions.set(event, `${names[node]} serves again`);
      else if (found >= 0) {
        used.add(found);
        this.captions.set(event, captions[found][2]);
      }
    }
  }

  // The entities that act for a request beside its client: attempts and parallel calls.
  findAttempts() {
    this.attempts = new Map();
    this.clientOf = new Int32Array(this.requestOf.length).fill(NOWHERE);
    for (let who = 0; who < this.requestOf.length; who++) {
      if (this.isClient[who]) this.clientOf[this.requestOf[who]] = who;
    }
    for (let who = 0; who < this.requestOf.length; who++) {
      const request = this.requestOf[who];
      if (request < 0 || this.isClient[who]) continue;
      if (!this.attempts.has(request)) this.attempts.set(request, []);
      this.attempts.get(request).push(who);
    }
  }
}

// --- who is where -------------------------------------------------------------------------------------------------

class Book {
  constructor(trace) {
    this.trace = trace;
    const people = trace.requestOf.length, nodes = trace.about.names.length;
    this.nodes = nodes;
    this.here = new Uint8Array(people);
    this.born = new Float32Array(people);
    this.depth = new Uint8Array(people);
    this.visitNode = new Int16Array(people * DEEPEST);
    this.visitState = new Uint8Array(people * DEEPEST);
    this.visitSlot = new Int32Array(people * DEEPEST);
    this.workEnds = new Float32Array(people);
    this.workBegan = new Float32Array(people);
    this.messageAt = new Int16Array(people);
    this.messageState = new Uint8Array(people);
    this.abandoned = new Uint8Array(people);
    this.turnedBackAt = new Int16Array(people);
    this.inside = new Int32Array(nodes);
    this.working = new Int32Array(nodes);
    this.downUntil = new Float32Array(nodes);
    this.crashedAt = new Float32Array(nodes);
    this.hasCrashed = new Uint8Array(nodes);
    this.queues = Array.from({ length: nodes }, () => []);
    this.messages = Array.from({ length: nodes }, () => []);
    this.dead = new Int32Array(nodes);
    this.freeSlots = Array.from({ length: nodes }, () => []);
    this.highestSlot = new Int32Array(nodes);
    this.standingNow = Array.from({ length: nodes }, () => new Int32Array(6));
    this.places = new Int32Array(nodes);
    this.memory = new Int32Array(nodes);
    this.ended = new Int32Array(trace.about.statuses.length);
    this.reset();
  }

  reset() {
    const { about } = this.trace;
    this.next = this.nextSide = this.delivered = 0;
    this.now = -Infinity;
    this.inFlight = 0;
    this.counted = about.counted;
    this.ended.fill(0);
    this.places.set(about.places);
    this.memory.set(about.memory);
    this.here.fill(0);
    this.depth.fill(0);
    this.messageAt.fill(NOWHERE);
    this.abandoned.fill(0);
    this.turnedBackAt.fill(NOWHERE);
    this.hasCrashed.fill(0);
    this.crashedAt.fill(-Infinity);
    this.dead.fill(0);
    this.highestSlot.fill(0);
    for (let node = 0; node < this.nodes; node++) {
      const standing = this.standingNow[node];
      standing.set(about.standing[node] || [0, 0, 0, 0, 0, 0]);
      this.working[node] = standing[1];
      this.inside[node] = standing[2];
      this.queues[node].length = this.messages[node].length = this.freeSlots[node].length = 0;
    }
  }

  // Those that are only counted.
  standing(node) { return this.standingNow[node]; }

  // A machine gets another size, or those that are only counted are lost.
  goAside({ node, places, memory, gone, ended }) {
    if (node !== undefined) {
      this.places[node] = places;
      this.memory[node] = memory;
      return;
    }
    for (const [where, numbers] of Object.entries(gone)) {
      numbers.forEach((number, column) => { this.standingNow[where][column] -= number; });
      this.working[where] -= numbers[1];
      this.inside[where] -= numbers[2];
    }
    for (const [status, many] of Object.entries(ended)) {
      this.ended[status] += many;
      this.counted -= many;
    }
  }

  // Everything that happens up to this time; `seen` is told what a picture shows for a moment.
  goTo(time, seen = null) {
    const { trace } = this;
    if (time < this.now) this.reset();
    const aside = (until) => {
      while (this.nextSide < trace.sides.length && trace.sides[this.nextSide].time <= until) this.goAside(trace.sides[this.nextSide++]);
    };
    while (this.next < trace.length && trace.time[this.next] <= time) {
      aside(trace.time[this.next]);
      this.happen(this.next++, seen);
    }
    aside(time);
    this.now = time;
  }

  happen(event, seen) {
    const { trace } = this, who = trace.who[event], node = trace.node[event], what = trace.what[event];
    if (seen && trace.captions.has(event)) seen.caption(node, trace.captions.get(event));
    if (what === CRASHED || what === UP) return this.change(event, node, what === CRASHED, seen);
    if (what === CHANGED) return;
    if (!this.here[who]) this.appear(who, trace.time[event]);
    if (what === SENT) this.send(who, event, seen);
    else if (what === CALLED) this.call(who, node, seen);
    else if (what === QUEUED) this.queue(who, node);
    else if (what === STARTED) this.start(who, node, event);
    else if (what === FREED) this.free(who, node);
    else if (what === RETURNED) this.comeBack(who, node, trace.value[event], seen);
    else if (what === GAVE_UP) this.giveUp(who, node, seen);
    else if (what === DONE) this.finish(who, trace.value[event], trace.time[event], seen);
    else this.moveMessage(who, node, what, seen);
  }

  change(event, node, isCrash, seen) {
    this.hasCrashed[node] = isCrash ? 1 : 0;
    this.crashedAt[node] = isCrash ? this.trace.time[event] : -Infinity;
    this.downUntil[node] = this.trace.ups[event];
    if (seen && isCrash) seen.crash(node);
  }

  appear(who, time) {
    this.here[who] = 1;
    this.born[who] = time;
    this.depth[who] = this.abandoned[who] = 0;
    this.messageAt[who] = this.turnedBackAt[who] = NOWHERE;
    if (this.trace.isClient[who]) this.inFlight++;
  }

  send(who, event, seen) {
    this.turnedBackAt[who] = NOWHERE;
    if (seen) seen.send(who);
  }

  call(who, node, seen) {
    if (seen) seen.travel(who, this.topNode(who), node, false);
    const level = who * DEEPEST + this.depth[who]++;
    this.visitNode[level] = node;
    this.visitState[level] = PASSING;
    this.visitSlot[level] = NOWHERE;
    this.inside[node]++;
  }

  levelAt(who, node) {
    for (let depth = this.depth[who] - 1; depth >= 0; depth--) {
      if (this.visitNode[who * DEEPEST + depth] === node) return who * DEEPEST + depth;
    }
    return NOWHERE;
  }

  queue(who, node) {
    const level = this.levelAt(who, node);
    if (level === NOWHERE) return;
    this.visitState[level] = WAITING;
    this.queues[node].push(who);
  }

  leaveQueue(who, node) {
    const queue = this.queues[node];
    if (queue[0] === who) queue.shift();
    else {
      const place = queue.indexOf(who);
      if (place >= 0) queue.splice(place, 1);
    }
  }

  start(who, node, event) {
    const level = this.levelAt(who, node);
    if (level === NOWHERE) return;
    this.working[node]++;
    if (this.visitState[level] === WAITING) this.leaveQueue(who, node);
    this.visitState[level] = WORKING;
    this.visitSlot[level] = this.freeSlots[node].length ? this.freeSlots[node].pop() : this.highestSlot[node]++;
    this.workBegan[who] = this.trace.time[event];
    this.workEnds[who] = this.trace.ends[event];
  }

  free(who, node) {
    const level = this.levelAt(who, node);
    if (level !== NOWHERE) this.letGo(who, level);
  }

  letGo(who, level) {
    const node = this.visitNode[level];
    if (this.visitState[level] === WAITING) this.leaveQueue(who, node);
    if (this.visitState[level] === WORKING) {
      this.working[node]--;
      this.freeSlots[node].push(this.visitSlot[level]);
    }
    this.visitState[level] = PASSING;
  }

  comeBack(who, node, status, seen) {
    const isFailure = status !== this.trace.about.ok;
    if (isFailure && this.turnedBackAt[who] === NOWHERE) this.turnedBackAt[who] = node;
    if (!isFailure) this.turnedBackAt[who] = NOWHERE;
    const isInside = this.levelAt(who, node) !== NOWHERE;
    while (isInside && this.depth[who]) {
      const level = who * DEEPEST + --this.depth[who];
      this.letGo(who, level);
      this.inside[this.visitNode[level]]--;
      if (seen) seen.travel(who, this.visitNode[level], this.topNode(who), true);
      if (this.visitNode[level] === node) break;
    }
    if (this.depth[who] || this.messageAt[who] !== NOWHERE) return;  // what became of a message, its queue is told
    if (seen) seen.end(who, this.abandoned[who] ? "abandoned" : this.trace.about.statuses[status]);
    if (!this.trace.isClient[who]) this.here[who] = 0;
  }

  // Whoever was sent off by this caller to this node goes on, but nobody waits for it.
  giveUp(who, node, seen) {
    for (const one of this.trace.attempts.get(this.trace.requestOf[who]) || []) {
      const first = this.visitNode[one * DEEPEST];
      if (one !== who && this.here[one] && this.depth[one] && (node < 0 || first === node)) this.abandoned[one] = 1;
    }
    if (seen) seen.giveUp(who);
  }

  finish(who, status, time, seen) {
    if (time > 0) this.ended[status]++;
    if (seen) seen.done(who, this.trace.about.statuses[status]);
    this.here[who] = 0;
    this.inFlight--;
  }

  moveMessage(who, node, what, seen) {
    const { trace } = this, before = this.messageAt[who], isGone = what === DELETED || what === EXPIRED || what === DROPPED;
    if (before !== NOWHERE && this.messageState[who] === DEAD) this.dead[before]--;
    else if (before !== NOWHERE && (before !== node || isGone || what === DEAD)) this.removeMessage(who, before);
    if (isGone) {
      if (what === DELETED) this.delivered++;
      if (seen) seen.end(who, what === DELETED ? "delivered" : "lost");
      this.here[who] = 0;
      this.messageAt[who] = NOWHERE;
      return;
    }
    if (what === RECEIVED && seen) seen.handOver(who, node, trace.about.workers[node]);
    if (what === WORK_FAILED && seen) seen.turnBack(who);
    if (what === DEAD) this.dead[node]++;
    else if (!this.messages[node].includes(who)) this.messages[node].push(who);
    if (what === DEAD && seen) seen.end(who, "dead");
    this.messageAt[who] = node;
    this.messageState[who] = what;
  }

  removeMessage(who, node) {
    const place = this.messages[node].indexOf(who);
    if (place >= 0) this.messages[node].splice(place, 1);
  }

  // The node where it is now and what it does there; NOWHERE when it is with the clients.
  topNode(who) { return this.depth[who] ? this.visitNode[who * DEEPEST + this.depth[who] - 1] : NOWHERE; }
  topState(who) { return this.depth[who] ? this.visitState[who * DEEPEST + this.depth[who] - 1] : PASSING; }
  topSlot(who) { return this.visitSlot[who * DEEPEST + this.depth[who] - 1]; }
  waiting(node) { return this.queues[node].length + this.standing(node)[0]; }

  hasDot(who) {
    if (!this.here[who] || (this.messageAt[who] !== NOWHERE && this.messageState[who] === DEAD)) return false;
    if (this.depth[who] || this.messageAt[who] !== NOWHERE) return true;
    if (!this.trace.isClient[who]) return false;
    const attempts = this.trace.attempts.get(this.trace.requestOf[who]);
    return !attempts || !attempts.some((one) => this.here[one] && this.depth[one] && !this.abandoned[one]);
  }

  counts(withSizes = false) {
    const found = {};
    for (let node = 0; node < this.nodes; node++) {
      const standing = this.standing(node), left = this.hasCrashed[node] ? this.downUntil[node] - this.now : undefined;
      const hidden = this.messages[node].filter((who) => this.messageState[who] !== VISIBLE).length;
      found[node] = { waiting: this.waiting(node), working: this.working[node], inside: this.inside[node],
        visible: this.messages[node].length - hidden + standing[3], hidden: hidden + standing[4],
        dead: this.dead[node] + standing[5] };
      if (withSizes) Object.assign(found[node], { places: this.places[node], memory: this.memory[node], left });
    }
    return found;
  }

  // What goes on in a box, from counts as `counts` gives them: "shop: 4 of 4 cores busy, 23 wait".
  words(box, counts) {
    const { about } = this.trace, nodes = box.machines.map(({ node }) => node), parts = [];
    const sum = (name) => nodes.reduce((total, node) => total + counts[node][name], 0);
    const downs = nodes.filter((node) => counts[node].left !== undefined), places = sum("places"), memory = sum("memory");
    if (downs.length && nodes.length > 1) parts.push(`${downs.length} of ${nodes.length} down`);
    else if (downs.length) {
      const { left } = counts[downs[0]];
      return Number.isFinite(left) ? `down, serves again in ${left.toFixed(left < 10 ? 2 : 1)} s` : "down, refuses all";
    }
    const waiting = sum("waiting"), messages = sum("visible") + sum("hidden"), dead = sum("dead");
    if (places) {
      parts.push(`${whole(sum("working"))} of ${whole(places)} ${about.units[nodes[0]]} busy`);
      parts.push(`${whole(waiting)} wait${waiting === 1 ? "s" : ""}`);
    }
    if (memory) parts.push(`memory holds ${whole(sum("inside"))} of ${whole(memory)}`);
    if (box.dashed) parts.push(`${whole(sum("visible"))} message${sum("visible") === 1 ? "" : "s"} wait, ${whole(sum("hidden"))} taken and hidden`);
    if (dead) parts.push(`${whole(dead)} dead-lettered`);
    return parts.join(", ") || `${whole(sum("inside"))} inside`;
  }

  // The node where a message is drawn: in its queue, or with the worker that has taken it; NOWHERE for what is none.
  messageNode(who) {
    const node = this.messageAt[who];
    return node === NOWHERE || this.depth[who] ? NOWHERE : this.isTaken(who) ? this.trace.about.workers[node] : node;
  }

  isTaken(who) { return this.messageState[who] === RECEIVED; }
  isHidden(who) { return this.messageState[who] === RECEIVED || this.messageState[who] === WORK_FAILED; }

  // Requests that have no final answer yet.
  inTheSystem() { return this.inFlight + this.counted; }

  // What happened between two events, as a short sentence: about two requests if there is room, else about one.
  tell(first, last) {
    const { trace } = this, stories = new Map();
    for (let event = first; event < last; event++) {
      const who = trace.who[event], isMachine = trace.what[event] === CRASHED || trace.what[event] === UP || trace.what[event] === CHANGED;
      const request = isMachine ? `node ${trace.node[event]}` : trace.requestOf[who];
      if (!stories.has(request)) stories.set(request, []);
      stories.get(request).push(event);
    }
    const told = [];
    for (const [request, events] of stories) {
      if (told.length === 2) break;
      const said = events.map((event, place) => this.phrase(event, events[place + 1])).filter(Boolean);
      if (!said.length) continue;
      const subject = typeof request === "string" ? "" : request < 0 ? "a worker " : `request ${whole(trace.rowOf[request])} `;
      const words = subject + said.join(", ");
      if (told.length && told[0].length + words.length > MOST_LETTERS) break;
      told.push(words);
    }
    const more = stories.size - told.length;
    return told.join("; ") + (more > 0 && told.length ? `; and ${whole(more)} more` : "");
  }

  // One event in words; "" where the next one says it.
  phrase(event, following) {
    const { trace } = this, { about } = trace, what = trace.what[event], node = trace.node[event], name = about.names[node];
    const next = following === undefined ? NOWHERE : trace.what[following], unit = (about.units[node] || "").replace(/s$/, "");
    if (trace.captions.has(event)) return trace.captions.get(event);
    if (what === SENT) return trace.value[event] > 1 ? `tries again, attempt ${trace.value[event]}` : `arrives${this.fromWhere(trace.who[event])}`;
    if (what === CALLED) return next === STARTED || next === QUEUED ? "" : `goes into ${name}`;
    if (what === QUEUED) return `waits in the queue of ${name}`;
    if (what === STARTED) return `gets a ${unit} of ${name}`;
    if (what === FREED) return next === CALLED || next === RETURNED ? "" : `gives its ${unit} of ${name} back`;
    if (what === RETURNED) return this.phraseOfReturn(event, following, next, name);
    if (what === DONE) return this.phraseOfEnd(event);
    return { [GAVE_UP]: "has a client that stops waiting", [PUBLISHED]: `leaves a message in ${name}`,
      [VISIBLE]: next === RECEIVED ? "" : `has a message that can be taken from ${name}`,
      [RECEIVED]: `has its message taken by a worker`, [DELETED]: "has its message done and deleted",
      [DEAD]: "has its message put among the dead letters", [WORK_FAILED]: "has its message fail",
      [EXPIRED]: "has a message that is too old", [DROPPED]: "loses its message",
      [REDRIVEN]: "has its message put back into the queue" }[what] || "";
  }

  // Its country, where the stage is a map.
  fromWhere(who) {
    const { map } = this.trace.scene, home = map && this.trace.requestOf[who] >= 0 ? map.home_of[this.trace.requestOf[who]] : NOWHERE;
    return home >= 0 ? ` from ${map.homes[home].name}` : "";
  }

  phraseOfReturn(event, following, next, name) {
    if (next === RETURNED || next === DONE || next === CALLED) return "";
    const status = this.trace.value[event];
    return status === this.trace.about.ok ? `comes back from ${name}` : `comes back from ${name}: ${this.trace.about.statuses[status]}`;
  }

  phraseOfEnd(event) {
    const { trace } = this, status = trace.value[event], took = 1000 * (trace.time[event] - this.born[trace.who[event]]);
    const time = took >= 1000 ? `${(took / 1000).toPrecision(3)} s` : `${took.toPrecision(3)} ms`;
    return status === trace.about.ok ? `is answered, after ${time}` : `is ${trace.about.statuses[status]}, after ${time}`;
  }
}
