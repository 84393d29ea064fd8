// The moving stage. Every dot is a request of the simulated run; where it is follows from the run's own events.
//
// Trace: the events as columns.  Book: who is where at an instant (exact; the same book as moment.py keeps).
// Geometry: design units to pixels.  Dots: where each dot is drawn, easing to where it is.  Effects: what ended.
// Painter: the canvas.  Player: time and loop.  Controls: buttons, keys, words.

const [SENT, CALLED, QUEUED, STARTED, FREED, RETURNED, DONE, GAVE_UP, CRASHED, UP,
  PUBLISHED, VISIBLE, RECEIVED, DELETED, DEAD] = Array(15).keys();
const [PASSING, WAITING, WORKING] = [0, 1, 2];
const DEEPEST = 24, EASE_PER_S = 12, LEVEL_S = 2.5, NOWHERE = -1;
const SPEEDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const GREEN = [0, 158, 115], AMBER = [230, 159, 0], RED = [213, 94, 0], BLUE = [0, 114, 178], GREY = [140, 140, 140], SKY = [86, 180, 233];
const AGES = 12, OLD = AGES - 1, MESSAGE = AGES, ABANDONED = AGES + 1, LOOKS = AGES + 2;
const rgb = (colour, alpha = 1) => `rgba(${colour[0]},${colour[1]},${colour[2]},${alpha})`;
const mix = (a, b, share) => a.map((value, index) => Math.round(value + (b[index] - value) * share));
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const whole = (value) => value.toLocaleString("en-US");

// --- the run's events ---------------------------------------------------------------------------------------------

class Trace {
  constructor(shown) {
    this.about = JSON.parse(shown.about);
    this.scene = JSON.parse(shown.scene);
    const { events, entities } = this.about;
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
    this.node = take(Int16Array, events);
    this.value = take(Int16Array, events);
    this.what = take(Uint8Array, events);
    this.isClient = take(Uint8Array, entities);
    this.findEnds();
    this.findAttempts();
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
    this.worksAt = new Int16Array(people);
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
    this.reset();
  }

  reset() {
    this.next = 0;
    this.now = -Infinity;
    this.inFlight = 0;
    this.here.fill(0);
    this.depth.fill(0);
    this.worksAt.fill(NOWHERE);
    this.messageAt.fill(NOWHERE);
    this.abandoned.fill(0);
    this.turnedBackAt.fill(NOWHERE);
    this.hasCrashed.fill(0);
    this.crashedAt.fill(-Infinity);
    this.dead.fill(0);
    this.highestSlot.fill(0);
    for (let node = 0; node < this.nodes; node++) {
      const standing = this.standing(node);
      this.working[node] = standing[1];
      this.inside[node] = standing[2];
      this.queues[node].length = this.messages[node].length = this.freeSlots[node].length = 0;
    }
  }

  standing(node) { return this.trace.about.standing[node] || [0, 0, 0, 0, 0, 0]; }

  // Everything that happens up to this time; `seen` is told what a picture shows for a moment.
  goTo(time, seen = null) {
    const { trace } = this;
    if (time < this.now) this.reset();
    while (this.next < trace.length && trace.time[this.next] <= time) this.happen(this.next++, seen);
    this.now = time;
  }

  happen(event, seen) {
    const { trace } = this, who = trace.who[event], node = trace.node[event], what = trace.what[event];
    if (what === CRASHED || what === UP) return this.change(event, node, what === CRASHED, seen);
    if (what > DEAD) return;
    if (!this.here[who]) this.appear(who, trace.time[event]);
    if (what === SENT) this.send(who, event, seen);
    else if (what === CALLED) this.call(who, node);
    else if (what === QUEUED) this.queue(who, node);
    else if (what === STARTED) this.start(who, node, event);
    else if (what === FREED) this.free(who, node);
    else if (what === RETURNED) this.comeBack(who, node, trace.value[event], seen);
    else if (what === GAVE_UP) this.giveUp(who, node, seen);
    else if (what === DONE) this.finish(who, trace.value[event], seen);
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
    this.worksAt[who] = this.messageAt[who] = this.turnedBackAt[who] = NOWHERE;
    if (this.trace.isClient[who]) this.inFlight++;
  }

  send(who, event, seen) {
    this.turnedBackAt[who] = NOWHERE;
    if (seen) seen.send(who);
  }

  call(who, node) {
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
    this.working[node]++;
    const level = this.levelAt(who, node);
    if (level === NOWHERE) {
      this.worksAt[who] = node;
      return;
    }
    if (this.visitState[level] === WAITING) this.leaveQueue(who, node);
    this.visitState[level] = WORKING;
    this.visitSlot[level] = this.freeSlots[node].length ? this.freeSlots[node].pop() : this.highestSlot[node]++;
    this.workBegan[who] = this.trace.time[event];
    this.workEnds[who] = this.trace.ends[event];
  }

  free(who, node) {
    const level = this.levelAt(who, node);
    if (level !== NOWHERE) this.letGo(who, level);
    else if (this.worksAt[who] === node) {
      this.worksAt[who] = NOWHERE;
      this.working[node]--;
    }
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
      if (this.visitNode[level] === node) break;
    }
    if (this.depth[who]) return;
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

  finish(who, status, seen) {
    if (seen) seen.done(who, this.trace.about.statuses[status]);
    this.here[who] = 0;
    this.inFlight--;
  }

  moveMessage(who, node, what, seen) {
    const before = this.messageAt[who];
    if (before !== NOWHERE && this.messageState[who] === DEAD) this.dead[before]--;
    else if (before !== NOWHERE && (before !== node || what === DELETED || what === DEAD)) this.removeMessage(who, before);
    if (what === DELETED) {
      if (seen) seen.end(who, "delivered");
      this.here[who] = 0;
      this.messageAt[who] = NOWHERE;
      return;
    }
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

  counts() {
    const found = {};
    for (let node = 0; node < this.nodes; node++) {
      const standing = this.standing(node);
      const hidden = this.messages[node].filter((who) => this.messageState[who] !== VISIBLE).length;
      found[node] = { waiting: this.waiting(node), working: this.working[node], inside: this.inside[node],
        visible: this.messages[node].length - hidden + standing[3], hidden: hidden + standing[4],
        dead: this.dead[node] + standing[5] };
    }
    return found;
  }

  words(node) {
    const { about } = this.trace, parts = [], waiting = this.waiting(node), counts = this.messages[node].length;
    if (this.hasCrashed[node]) {
      const left = this.downUntil[node] - this.now;
      parts.push(Number.isFinite(left) ? `down, serves again in ${left.toFixed(left < 10 ? 2 : 1)} s` : "down");
    }
    if (about.places[node]) {
      parts.push(`${whole(this.working[node])} of ${whole(about.places[node])} ${about.units[node]} busy`);
      parts.push(`${whole(waiting)} wait${waiting === 1 ? "s" : ""}`);
    }
    if (about.memory[node]) parts.push(`memory ${whole(this.inside[node])} of ${whole(about.memory[node])}`);
    if (counts) parts.push(`${whole(counts)} messages`);
    return `${about.names[node]}: ${parts.join(", ") || `${whole(this.inside[node])} inside`}`;
  }

  // The nodes that a listener should hear about first: what is down, what waits, what is fullest.
  sayings(most) {
    const { about } = this.trace, rank = (node) => (this.hasCrashed[node] ? 1e9 : 0) + 10 * this.waiting(node)
      + (about.places[node] ? this.working[node] / about.places[node] : 0);
    const nodes = about.names.map((_, node) => node).filter((node) => about.places[node] || about.memory[node]
      || this.messages[node].length);
    return nodes.sort((a, b) => rank(b) - rank(a)).slice(0, most).map((node) => this.words(node));
  }
}
