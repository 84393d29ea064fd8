// --- design units to pixels ---------------------------------------------------------------------------------------

// A wide place draws large; in a narrow one a low scene may be drawn at its own size, and the rest goes between the boxes.
const WIDE = 700, LARGEST = 1.4, SMALLEST = 0.4, TALL_ENOUGH = { narrow: 245, wide: 440 };

class Geometry {
  constructor(trace, width) {
    const { scene } = trace;
    this.scene = scene;
    this.width = Math.max(width, scene.width * SMALLEST);
    const tall = width > WIDE ? TALL_ENOUGH.wide : TALL_ENOUGH.narrow, largest = clamp(tall / scene.height, 1, LARGEST);
    this.scale = clamp(this.width / scene.width, SMALLEST, largest);
    this.height = Math.ceil(scene.height * this.scale);
    this.spare = Math.max(0, this.width - scene.width * this.scale) / scene.columns.length;
    this.machines = [];
    this.boxOf = [];
    scene.boxes.forEach((box, place) => box.machines.forEach((machine) => {
      this.machines[machine.node] = machine;
      this.boxOf[machine.node] = place;
    }));
    this.past = new Map(scene.lines.map(({ from, to, past }) => [`${from} ${to}`, past]));
    this.clientsX = this.column(0);
    this.clientsY = scene.clients.y * this.scale;
    this.setDots(trace);
  }

  column(number) { return this.scene.columns[number] * this.scale + (number + 0.5) * this.spare; }
  columnX(box) { return this.column(box.column); }
  box(node) { return this.scene.boxes[this.boxOf[node]]; }
  x(node, designX) { return this.columnX(this.box(node)) + designX * this.scale; }
  y(designY) { return designY * this.scale; }

  // Where the lanes touch a box, or the clients.
  leftX(node) { return node === NOWHERE ? this.clientsX : this.x(node, this.box(node).left); }
  rightX(node) { return node === NOWHERE ? this.clientsX + 24 * this.scale : this.x(node, this.box(node).right); }
  laneY(node, isAnswer) {
    const place = node === NOWHERE ? this.scene.clients : this.box(node);
    return (isAnswer ? place.answer_y : place.request_y) * this.scale;
  }

  // The corners of a lane from one node to another behind it, where it passes by boxes in between: [x, y] each.
  corners(from, to, isAnswer) {
    const past = from === NOWHERE ? [] : this.past.get(`${this.boxOf[from]} ${this.boxOf[to]}`) || [];
    return past.flatMap(([column, half, requestY, answerY]) => [-half, half].map((side) =>
      [this.column(column) + side * this.scale, (isAnswer ? answerY : requestY) * this.scale]));
  }

  // The dots of a queue are as large as the longest queue of this window lets them be, and stay so.
  setDots(trace) {
    const book = new Book(trace), peak = new Int32Array(book.nodes);
    for (let event = 0; event < trace.length; event++) {
      book.happen(event, null);
      const node = trace.node[event];
      if (node >= 0) peak[node] = Math.max(peak[node], this.line(book, node), book.messages[node].length);
    }
    trace.about.workers.forEach((worker) => { if (worker !== NOWHERE) peak[worker] = 2 * trace.about.places[worker]; });
    for (const { machines } of this.scene.boxes) {
      const most = machines.reduce((best, { node }) => Math.max(best, peak[node]), 0);
      for (const { node, shares } of machines) if (shares) peak[node] = most;
    }
    this.queueDots = this.machines.map((machine, node) => this.fit(machine && machine.queue, peak[node]));
    this.holdDots = this.machines.map((machine, node) => this.fit(machine && machine.hold, peak[node]));
  }

  // How many wait in the queue that is drawn for this node: its own, or that of all machines of a crowd.
  line(book, node) {
    if (!this.machines[node] || !this.machines[node].shares) return book.waiting(node);
    return this.scene.boxes[this.boxOf[node]].machines.reduce((sum, machine) => sum + book.waiting(machine.node), 0);
  }

  fit(area, many) {
    if (!area) return { pitch: 8 * this.scale, rows: 1, across: 1, room: 0 };
    for (const pitch of [10, 8.5, 7, 6, 5, 4.2, 3.6, 3.2]) {
      const across = Math.max(1, Math.floor(area[2] / pitch)), rows = Math.max(1, Math.floor(area[3] / pitch));
      if (across * rows >= many || pitch === 3.2) {
        return { pitch: pitch * this.scale, rows, across, room: across * rows };
      }
    }
    return null;
  }

  // Places in a queue wind like a snake, so that moving up by one is a short way; the head is next to the slots.
  queueX(node, place) {
    const { pitch, rows } = this.queueDots[node], area = this.machines[node].queue;
    return this.x(node, area[0] + area[2]) - (Math.floor(place / rows) + 0.5) * pitch;
  }

  queueY(node, place) {
    const { pitch, rows } = this.queueDots[node], area = this.machines[node].queue;
    const column = Math.floor(place / rows), row = column % 2 ? rows - 1 - (place % rows) : place % rows;
    return this.y(area[1] + area[3]) - (row + 0.5) * pitch;
  }

  slotCell(node, slot, places) {
    const cells = this.machines[node].slots[7];
    return (cells >= places ? slot : Math.floor(slot * cells / places)) % cells;
  }

  slotX(node, cell) {
    const [x, , width, , across, size, gap, cells] = this.machines[node].slots;
    const used = Math.min(cells, across) * (size + gap) - gap;
    return this.x(node, x + (width - used) / 2 + (cell % across) * (size + gap) + size / 2);
  }

  slotY(node, cell) {
    const [, y, , , across, size, gap] = this.machines[node].slots;
    return this.y(y + Math.floor(cell / across) * (size + gap) + size / 2);
  }

  left(node) { return this.x(node, this.box(node).x); }
  right(node) { const box = this.box(node); return this.x(node, box.x + box.w); }
  rowY(node) { const row = this.machines[node].row; return this.y(row[1] + row[3] / 2); }
}

// --- dots, and what is seen for a moment ----------------------------------------------------------------------------

const IN_LINE = 2;  // so much faster moves who waits in a queue
const MOST_TURNS = 24;  // of a way that a dot has still to go

// The ways of many dots: corners that each still has to pass, on the requests' lane or on the answers'.
class Ways {
  constructor(many) {
    this.length = new Uint8Array(many);
    this.x = new Float32Array(many * MOST_TURNS);
    this.y = new Float32Array(many * MOST_TURNS);
    this.isAnswer = new Uint8Array(many * MOST_TURNS);
  }

  add(one, x, y, isAnswer) {
    if (this.length[one] === MOST_TURNS) this.drop(one);
    const place = one * MOST_TURNS + this.length[one]++;
    this.x[place] = x;
    this.y[place] = y;
    this.isAnswer[place] = isAnswer ? 1 : 0;
  }

  drop(one) {
    const start = one * MOST_TURNS, end = start + this.length[one]--;
    for (const column of [this.x, this.y, this.isAnswer]) column.copyWithin(start, start + 1, end);
  }

  clear(one) { this.length[one] = 0; }
  isOnAnswer(one) { return this.length[one] > 0 && this.isAnswer[one * MOST_TURNS] === 1; }

  // How far it is over the corners to this target.
  distance(one, x, y, target) {
    let sum = 0, [nowX, nowY] = [x, y];
    for (let turn = 0; turn < this.length[one]; turn++) {
      const place = one * MOST_TURNS + turn;
      sum += Math.hypot(this.x[place] - nowX, this.y[place] - nowY);
      nowX = this.x[place];
      nowY = this.y[place];
    }
    return sum + Math.hypot(target.x - nowX, target.y - nowY);
  }

  copy(one, others, other) {
    this.length[one] = others.length[other];
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      this.x[one * MOST_TURNS + turn] = others.x[other * MOST_TURNS + turn];
      this.y[one * MOST_TURNS + turn] = others.y[other * MOST_TURNS + turn];
      this.isAnswer[one * MOST_TURNS + turn] = others.isAnswer[other * MOST_TURNS + turn];
    }
  }
}

class Dots {
  constructor(trace, geometry, book, effects) {
    Object.assign(this, { trace, geometry, book, effects });
    const people = trace.requestOf.length;
    this.x = new Float32Array(people);
    this.y = new Float32Array(people);
    this.placeIn = new Int32Array(people);
    this.isShown = new Uint8Array(people);
    this.isNew = new Uint8Array(people).fill(1);
    this.isTold = new Uint8Array(people);  // whether the client has been seen to get the answer of its attempt
    this.target = { x: 0, y: 0 };
    this.ways = new Ways(people);
    this.ringed = NOWHERE;
  }

  // The node from which somebody was sent off who is not the client: where its client is now.
  origin(who) {
    if (this.book.messageAt[who] !== NOWHERE) return this.book.messageAt[who];
    const client = this.trace.isClient[who] ? NOWHERE : this.trace.clientOf[this.trace.requestOf[who]];
    return client === undefined || client === NOWHERE ? NOWHERE : this.book.topNode(client);
  }

  // From one node to the next, on the requests' lane or back on the answers'.
  travel(who, from, to, isAnswer) {
    const { geometry, ways } = this;
    if (from === NOWHERE) from = this.origin(who);
    else if (to === NOWHERE && isAnswer) to = this.origin(who);
    if (this.isNew[who]) {
      if (from === NOWHERE) this.atClients(who);
      else this.putAt(who, geometry.rightX(from), geometry.laneY(from, false));
    }
    if (isAnswer) {
      const [x] = ways.length[who] ? [geometry.rightX(from) - 6 * geometry.scale] : [this.x[who]];
      ways.add(who, clamp(x, geometry.leftX(from), geometry.rightX(from)), geometry.laneY(from, true), true);
      ways.add(who, geometry.leftX(from), geometry.laneY(from, true), true);
      for (const corner of geometry.corners(to, from, true).reverse()) ways.add(who, ...corner, true);
      ways.add(who, geometry.rightX(to), geometry.laneY(to, true), true);
    } else {
      if (from !== NOWHERE) ways.add(who, geometry.rightX(from), geometry.laneY(from, false), false);
      for (const corner of geometry.corners(from, to, false)) ways.add(who, ...corner, false);
      ways.add(who, geometry.leftX(to), geometry.laneY(to, false), false);
    }
  }

  // A message goes from its queue to a worker.
  handOver(who, queue, worker) {
    if (this.isNew[who]) this.putAt(who, this.geometry.rightX(queue), this.geometry.laneY(queue, false));
    else this.ways.add(who, this.geometry.rightX(queue), this.geometry.laneY(queue, false), false);
    this.ways.add(who, this.geometry.leftX(worker), this.geometry.laneY(worker, false), false);
  }

  caption(node, words) { this.effects.say(node, words); }

  putAt(who, x, y) {
    this.x[who] = x;
    this.y[who] = y;
    this.isNew[who] = 0;
    this.ways.clear(who);
  }

  send(who) {
    this.isTold[who] = 0;
    this.atClients(who);
  }

  atClients(who) {
    const { geometry } = this;
    this.putAt(who, geometry.rightX(NOWHERE), geometry.laneY(NOWHERE, false));
  }

  done(who, status) {
    if (!this.isTold[who]) this.end(who, status);
    this.isNew[who] = 1;
  }

  end(who, status) {
    if (this.isNew[who]) this.atClients(who);
    const client = this.trace.clientOf[this.trace.requestOf[who]], isPart = this.origin(who) !== NOWHERE;
    if (status === "delivered" || status === "dead") this.ways.clear(who);
    if (client >= 0 && !isPart && status !== "abandoned" && status !== "delivered" && status !== "dead") this.isTold[client] = 1;
    const kind = isPart && status === this.trace.about.statuses[this.trace.about.ok] ? "back" : status;
    this.effects.add(kind, this.x[who], this.y[who], this.book.turnedBackAt[who], this.look(who), this.ways, who);
    this.ways.clear(who);
    this.isNew[who] = 1;
  }

  // Its work failed: a cross where it is, and it hides in its queue.
  turnBack(who) {
    if (!this.isNew[who]) this.effects.add("lost", this.x[who], this.y[who], NOWHERE, MESSAGE, null, who);
  }

  giveUp(who) {
    const isClient = this.trace.isClient[who] && !this.book.depth[who], { geometry } = this;
    if (isClient) this.isTold[who] = 1;
    this.effects.add("timed out", isClient ? geometry.clientsX : this.x[who], isClient ? geometry.clientsY : this.y[who], NOWHERE, OLD, null, 0);
  }

  crash(node) { this.effects.flash(node); }

  look(who) {
    if (this.book.messageAt[who] !== NOWHERE) return MESSAGE;
    if (this.book.abandoned[who]) return ABANDONED;
    const age = (this.book.now - this.book.born[who]) / this.trace.about.old_s;
    return clamp(Math.floor(age * AGES), 0, OLD);
  }

  // Move every dot a part of its way; with share 1 it is there.
  ease(share) {
    const { book, trace, target } = this, people = trace.requestOf.length;
    this.numberThoseWhoWait();
    for (let who = 0; who < people; who++) {
      this.isShown[who] = 0;
      if (!book.here[who] || !book.hasDot(who)) continue;
      if (this.isNew[who]) this.comeIn(who);
      this.isShown[who] = this.aim(who) ? 1 : 0;
      const isInLine = share < 1 && book.topState(who) === WAITING;
      this.move(who, isInLine ? 1 - (1 - share) ** IN_LINE : share);
    }
  }

  // A share of the way that is left, over its corners.
  move(who, share) {
    const { ways, target } = this;
    if (!ways.length[who] || share === 1) {
      this.x[who] += (target.x - this.x[who]) * share;
      this.y[who] += (target.y - this.y[who]) * share;
      ways.clear(who);
      return;
    }
    let left = share * ways.distance(who, this.x[who], this.y[who], target);
    while (ways.length[who]) {
      const place = who * MOST_TURNS, far = Math.hypot(ways.x[place] - this.x[who], ways.y[place] - this.y[who]);
      if (far > left) return this.towards(who, ways.x[place], ways.y[place], left / far);
      left -= far;
      this.x[who] = ways.x[place];
      this.y[who] = ways.y[place];
      ways.drop(who);
    }
    const far = Math.hypot(target.x - this.x[who], target.y - this.y[who]);
    if (far > 0) this.towards(who, target.x, target.y, Math.min(left / far, 1));
  }

  towards(who, x, y, share) {
    this.x[who] += (x - this.x[who]) * share;
    this.y[who] += (y - this.y[who]) * share;
  }

  comeIn(who) {
    const { book, geometry } = this, level = who * DEEPEST + book.depth[who] - 2;
    const from = book.depth[who] > 1 ? book.visitNode[level] : this.origin(who);
    if (from === NOWHERE) this.atClients(who);
    else this.putAt(who, geometry.rightX(from), geometry.laneY(from, false));
  }

  numberThoseWhoWait() {
    const { book, geometry } = this;
    for (const box of geometry.scene.boxes) {
      let before = 0;
      for (const { node, shares } of box.machines) {
        const queue = book.queues[node], messages = book.messages[node];
        for (let place = 0; place < queue.length; place++) this.placeIn[queue[place]] = before + place;
        let taken = 0;
        for (let place = 0; place < messages.length; place++) {
          this.placeIn[messages[place]] = book.isTaken(messages[place]) ? taken++ : place - taken;
        }
        if (shares) before += queue.length;
      }
    }
  }

  // Where a dot belongs, in this.target; false when its queue is too long to draw it.
  aim(who) {
    const { book, geometry, target } = this;
    const asMessage = book.messageNode(who), isMessage = asMessage !== NOWHERE;
    const node = isMessage ? asMessage : book.topNode(who), place = this.placeIn[who];
    if (node === NOWHERE) return this.aimAtClients(who);
    const machine = geometry.machines[node], state = isMessage ? PASSING : book.topState(who);
    if (state === WAITING) {
      const shown = Math.min(place, geometry.queueDots[node].room - 1);
      target.x = geometry.queueX(node, shown);
      target.y = geometry.queueY(node, shown);
      return place < geometry.queueDots[node].room;
    }
    if (state === WORKING && machine.slots) {
      const cell = geometry.slotCell(node, book.topSlot(who), Math.max(machine.slots[7], book.places[node]));
      target.x = geometry.slotX(node, cell);
      target.y = geometry.slotY(node, cell);
    } else if (isMessage) this.aimInRows(node, place);
    else this.aimInside(who, node, machine);
    return !isMessage || place < geometry.holdDots[node].room;
  }

  aimAtClients(who) {
    const { geometry, target } = this;
    target.x = geometry.clientsX + ((who * 31) % 7 - 3) * 7 * geometry.scale;
    target.y = geometry.clientsY + (44 + ((who * 17) % 3) * 8) * geometry.scale;
    return true;
  }

  aimInRows(node, place) {
    const { geometry, target } = this, area = geometry.machines[node].hold, { pitch, across } = geometry.holdDots[node];
    const row = Math.floor(place / across), column = row % 2 ? across - 1 - (place % across) : place % across;
    target.x = geometry.x(node, area[0]) + (column + 0.5) * pitch;
    target.y = geometry.y(area[1]) + (row + 0.5) * pitch;
  }

  aimInside(who, node, machine) {
    const { geometry, target } = this, area = machine.hold;
    if (area) {
      target.x = geometry.x(node, area[0] + ((who * 53) % 89) / 88 * area[2]);
      target.y = geometry.y(area[1] + (((who * 37) % 41) / 40) * area[3]);
    } else {
      target.x = geometry.right(node) - (4 + (who * 53) % 5) * geometry.scale;
      target.y = geometry.laneY(node, false) + ((who * 37) % 9 - 4) * 2 * geometry.scale;
    }
  }
}

const CAPTION_S = 2.5;
const LIFE_S = { ok: 0.75, back: 0.5, refused: 0.9, lost: 0.8, "timed out": 0.9, abandoned: 0.5, delivered: 0.6, dead: 0.6 };
const MOST_EFFECTS = 3000;

class Effects {
  constructor(geometry, nodes) {
    this.geometry = geometry;
    this.kind = Array(MOST_EFFECTS).fill("");
    this.age = new Float32Array(MOST_EFFECTS).fill(9);
    this.x = new Float32Array(MOST_EFFECTS);
    this.y = new Float32Array(MOST_EFFECTS);
    this.node = new Int16Array(MOST_EFFECTS);
    this.look = new Uint8Array(MOST_EFFECTS);
    this.flashAge = new Float32Array(nodes).fill(9);
    this.ways = new Ways(MOST_EFFECTS);
    this.captions = [];
    this.next = 0;
  }

  say(node, words) {
    this.captions = [...this.captions.filter((one) => one.node !== node), { node, words, age: 0 }];
  }

  add(kind, x, y, node, look, ways, who) {
    const place = this.next = (this.next + 1) % MOST_EFFECTS;
    this.kind[place] = LIFE_S[kind] ? kind : "refused";
    this.age[place] = 0;
    this.x[place] = x;
    this.y[place] = y;
    this.node[place] = node;
    this.look[place] = look;
    if (ways) this.ways.copy(place, ways, who);
    else this.ways.clear(place);
  }

  // Where it is after this share of its way.
  along(place, share) {
    const { ways } = this, last = place * MOST_TURNS + ways.length[place] - 1;
    if (!ways.length[place]) return [this.x[place], this.y[place]];
    let left = share * ways.distance(place, this.x[place], this.y[place], { x: ways.x[last], y: ways.y[last] });
    let [x, y] = [this.x[place], this.y[place]];
    for (let turn = place * MOST_TURNS; turn <= last; turn++) {
      const far = Math.hypot(ways.x[turn] - x, ways.y[turn] - y);
      if (far > left) return [x + (ways.x[turn] - x) * left / far, y + (ways.y[turn] - y) * left / far];
      left -= far;
      [x, y] = [ways.x[turn], ways.y[turn]];
    }
    return [x, y];
  }

  flash(node) { this.flashAge[node] = 0; }

  clear() {
    this.age.fill(9);
    this.flashAge.fill(9);
    this.captions = [];
  }

  grow(seconds) {
    for (let place = 0; place < MOST_EFFECTS; place++) this.age[place] += seconds;
    for (let node = 0; node < this.flashAge.length; node++) this.flashAge[node] += seconds;
    for (const one of this.captions) one.age += seconds;
    this.captions = this.captions.filter((one) => one.age < CAPTION_S);
  }
}
