// --- design units to pixels ---------------------------------------------------------------------------------------

class Geometry {
  constructor(trace, width) {
    const { scene } = trace;
    this.scene = scene;
    this.width = Math.max(width, scene.width * 0.52);
    this.scale = clamp(this.width / scene.width, 0.52, 1.25);
    this.height = Math.ceil(scene.height * this.scale);
    this.pitch = this.width / scene.columns;
    this.machines = [];
    this.boxOf = [];
    scene.boxes.forEach((box, place) => box.machines.forEach((machine) => {
      this.machines[machine.node] = machine;
      this.boxOf[machine.node] = place;
    }));
    this.clientsX = 0.36 * this.pitch;
    this.clientsY = scene.clients.y * this.scale;
    this.setDots(trace);
  }

  middle(node) { return (this.scene.boxes[this.boxOf[node]].column + 0.2) * this.pitch; }
  columnX(box) { return (box.column + 0.2) * this.pitch; }
  x(node, designX) { return this.middle(node) + designX * this.scale; }
  y(designY) { return designY * this.scale; }

  // The dots of a queue are as large as the longest queue of this window lets them be, and stay so.
  setDots(trace) {
    const book = new Book(trace), peak = new Int32Array(book.nodes);
    for (let event = 0; event < trace.length; event++) {
      book.happen(event, null);
      const node = trace.node[event];
      if (node >= 0) peak[node] = Math.max(peak[node], this.line(book, node), book.messages[node].length);
    }
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

  left(node) { return this.x(node, this.scene.boxes[this.boxOf[node]].x); }
  right(node) { const box = this.scene.boxes[this.boxOf[node]]; return this.x(node, box.x + box.w); }
  rowY(node) { const row = this.machines[node].row; return this.y(row[1] + row[3] / 2); }
}

// --- dots, and what is seen for a moment ----------------------------------------------------------------------------

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
  }

  send(who) {
    this.isTold[who] = 0;
    this.atClients(who);
  }

  atClients(who) {
    const { geometry } = this;
    this.x[who] = geometry.clientsX + 16 * geometry.scale;
    this.y[who] = geometry.clientsY + ((who * 7919) % 23 - 11) * geometry.scale;
    this.isNew[who] = 0;
  }

  done(who, status) {
    if (!this.isTold[who]) this.end(who, status);
    this.isNew[who] = 1;
  }

  end(who, status) {
    if (this.isNew[who]) this.atClients(who);
    const client = this.trace.clientOf[this.trace.requestOf[who]];
    if (client >= 0 && status !== "abandoned" && status !== "delivered" && status !== "dead") this.isTold[client] = 1;
    this.effects.add(status, this.x[who], this.y[who], this.book.turnedBackAt[who], this.look(who));
    this.isNew[who] = 1;
  }

  giveUp(who) {
    const isClient = this.trace.isClient[who] && !this.book.depth[who], { geometry } = this;
    if (isClient) this.isTold[who] = 1;
    this.effects.add("timed out", isClient ? geometry.clientsX : this.x[who], isClient ? geometry.clientsY : this.y[who], NOWHERE, OLD);
  }

  crash(node) { this.effects.flash(node); }

  look(who) {
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
      this.x[who] += (target.x - this.x[who]) * share;
      this.y[who] += (target.y - this.y[who]) * share;
    }
  }

  comeIn(who) {
    const { book, geometry } = this, level = who * DEEPEST + book.depth[who] - 2;
    if (book.depth[who] > 1) {
      this.x[who] = geometry.right(book.visitNode[level]);
      this.y[who] = geometry.rowY(book.visitNode[level]);
      this.isNew[who] = 0;
    } else this.atClients(who);
  }

  numberThoseWhoWait() {
    const { book, geometry } = this;
    for (const box of geometry.scene.boxes) {
      let before = 0;
      for (const { node, shares } of box.machines) {
        const queue = book.queues[node], messages = book.messages[node];
        for (let place = 0; place < queue.length; place++) this.placeIn[queue[place]] = before + place;
        for (let place = 0; place < messages.length; place++) this.placeIn[messages[place]] = place;
        if (shares) before += queue.length;
      }
    }
  }

  // Where a dot belongs, in this.target; false when its queue is too long to draw it.
  aim(who) {
    const { book, geometry, target, trace } = this;
    const isMessage = book.messageAt[who] !== NOWHERE && !book.depth[who];
    const node = isMessage ? book.messageAt[who] : book.topNode(who), place = this.placeIn[who];
    if (node === NOWHERE) return this.aimAtClients(who);
    const machine = geometry.machines[node], state = isMessage ? PASSING : book.topState(who);
    if (state === WAITING) {
      const shown = Math.min(place, geometry.queueDots[node].room - 1);
      target.x = geometry.queueX(node, shown);
      target.y = geometry.queueY(node, shown);
      return place < geometry.queueDots[node].room;
    }
    if (state === WORKING && machine.slots) {
      const cell = geometry.slotCell(node, book.topSlot(who), trace.about.places[node]);
      target.x = geometry.slotX(node, cell);
      target.y = geometry.slotY(node, cell);
    } else if (isMessage) this.aimInRows(node, place);
    else this.aimInside(who, node, machine);
    return !isMessage || place < geometry.holdDots[node].room;
  }

  aimAtClients(who) {
    const { geometry, target } = this;
    target.x = geometry.clientsX + ((who * 31) % 7 - 3) * 7 * geometry.scale;
    target.y = geometry.clientsY + (34 + ((who * 17) % 3) * 8) * geometry.scale;
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
      target.x = geometry.right(node) - 5 * geometry.scale;
      target.y = geometry.rowY(node);
    }
  }
}

const LIFE_S = { ok: 0.75, refused: 0.9, lost: 0.8, "timed out": 0.9, abandoned: 0.5, delivered: 0.6, dead: 0.6 };
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
    this.next = 0;
  }

  add(kind, x, y, node, look) {
    const place = this.next = (this.next + 1) % MOST_EFFECTS;
    this.kind[place] = LIFE_S[kind] ? kind : "refused";
    this.age[place] = 0;
    this.x[place] = x;
    this.y[place] = y;
    this.node[place] = node;
    this.look[place] = look;
  }

  flash(node) { this.flashAge[node] = 0; }

  clear() {
    this.age.fill(9);
    this.flashAge.fill(9);
  }

  grow(seconds) {
    for (let place = 0; place < MOST_EFFECTS; place++) this.age[place] += seconds;
    for (let node = 0; node < this.flashAge.length; node++) this.flashAge[node] += seconds;
  }
}
