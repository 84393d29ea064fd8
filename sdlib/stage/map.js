// --- the stage as a map ---------------------------------------------------------------------------------------------
//
// Journeys: when each request travels, and from where to where: it follows from the run's own events alone.
// MapGeometry, MapDots, MapPainter: the same as Geometry, Dots and Painter, on the earth.

const BOW = 0.14;  // how far a way bends aside, as a share of its length: out on one side, back on the other
const SWARM = 3.4, TURN = 2.399963;  // those who are at one place stand in a spiral of the golden angle

// To travel to a component that stands elsewhere takes from the call to the first thing that happens there; to travel
// back takes from the last thing that happened to the return. Where nothing happens between, each is half the time.
class Journeys {
  constructor(trace) {
    this.trace = trace;
    this.spotOf = trace.scene.map.spot_of;
    this.legs = Array.from({ length: trace.requestOf.length }, () => []);
    this.stacks = this.legs.map(() => []);
    for (let event = 0; event < trace.length; event++) {
      if (trace.what[event] !== CRASHED && trace.what[event] !== UP && trace.what[event] !== CHANGED) this.follow(event);
    }
    this.stacks = null;
  }

  homeOf(who) {
    const request = this.trace.requestOf[who];
    return request < 0 ? NOWHERE : this.trace.scene.map.home_of[request];
  }

  // Where somebody starts from: places are numbered, spots from 0 upwards, homes from -2 downwards; NOWHERE: not known.
  start(who) {
    const client = this.trace.clientOf[this.trace.requestOf[who]];
    if (client !== undefined && client >= 0 && client !== who && this.stacks[client].length) return this.here(client);
    const home = this.homeOf(who);
    return home < 0 ? NOWHERE : -2 - home;
  }

  here(who) {
    const stack = this.stacks[who];
    return stack.length ? stack[stack.length - 1].spot : this.start(who);
  }

  follow(event) {
    const { trace } = this, who = trace.who[event], time = trace.time[event], what = trace.what[event], node = trace.node[event];
    const stack = this.stacks[who], top = stack[stack.length - 1], isReturn = what === RETURNED && top && top.node === node;
    if (top && !top.hasArrived) this.arrive(who, top, isReturn ? (top.last + time) / 2 : time);
    if (what === CALLED) {
      const from = this.here(who), spot = this.spotOf[node] < 0 ? from : this.spotOf[node];
      stack.push({ node, spot, from, last: time, hasArrived: spot === from || from === NOWHERE });
    } else if (isReturn) {
      if (top.spot !== top.from && top.from !== NOWHERE && time > top.last) this.go(who, top.last, time, top.spot, top.from, true);
      stack.pop();
      if (stack.length) stack[stack.length - 1].last = time;
    } else if (top) top.last = time;
  }

  arrive(who, visit, time) {
    visit.hasArrived = true;
    this.go(who, visit.last, time, visit.from, visit.spot, false);
    visit.last = time;
  }

  go(who, begins, ends, from, to, isAnswer) { this.legs[who].push({ begins, ends, from, to, isAnswer }); }

  // The last leg that has begun at this time, or undefined.
  at(who, time) {
    const legs = this.legs[who];
    let place = legs.length - 1;
    while (place >= 0 && legs[place].begins > time) place--;
    return legs[place];
  }
}

class MapGeometry {
  constructor(trace, width) {
    this.scene = trace.scene;
    this.map = trace.scene.map;
    this.width = Math.max(width, this.map.width * SMALLEST);
    this.scale = clamp(this.width / this.map.width, SMALLEST, LARGEST);
    this.left = (this.width - this.map.width * this.scale) / 2;
    this.height = Math.ceil(this.map.height * this.scale);
    this.machines = [];
    const anyNumber = { room: Infinity };
    this.queueDots = this.holdDots = trace.about.names.map(() => anyNumber);
    this.journeys = new Journeys(trace);
  }

  // Where a place is, numbered as `Journeys.start` says.
  point(place) {
    const { x, y } = place >= 0 ? this.map.spots[place] : place === NOWHERE ? { x: 12, y: this.map.height - 12 } : this.map.homes[-2 - place];
    return [this.left + x * this.scale, y * this.scale];
  }

  // A place on the way, whose sides differ for those who go and those who come back.
  along({ from, to, begins, ends }, time, aside) {
    const share = clamp((time - begins) / Math.max(ends - begins, 1e-9), 0, 1);
    const [x0, y0] = this.point(from), [x1, y1] = this.point(to), bend = 4 * share * (1 - share) * BOW;
    const far = Math.hypot(x1 - x0, y1 - y0) || 1, off = bend * far + aside * Math.min(1, 4 * share * (1 - share));
    return [x0 + (x1 - x0) * share + off * (y1 - y0) / far, y0 + (y1 - y0) * share - off * (x1 - x0) / far];
  }
}

class MapDots extends Dots {
  constructor(...parts) {
    super(...parts);
    this.swarm = new Int32Array(this.geometry.map.spots.length);
    this.isTravelling = new Uint8Array(this.x.length);
    this.isAnswer = new Uint8Array(this.x.length);
  }

  travel() {}
  handOver() {}

  home(who) {
    const { journeys } = this.geometry, home = journeys.homeOf(who);
    return this.geometry.point(home < 0 ? NOWHERE : -2 - home);
  }

  atClients(who) { this.putAt(who, ...this.home(who)); }

  // It was at home with its answer at the end, however far it was in the frame before.
  end(who, status) {
    if (status === this.trace.about.statuses[this.trace.about.ok] && this.origin(who) === NOWHERE) this.atClients(who);
    super.end(who, status);
  }

  giveUp(who) {
    const isClient = this.trace.isClient[who] && !this.book.depth[who];
    if (isClient) this.isTold[who] = 1;
    this.effects.add("timed out", ...(isClient ? this.home(who) : [this.x[who], this.y[who]]), NOWHERE, OLD, null, 0);
  }

  // Every dot where it is at this moment: on a map nothing is eased, since the way is the run's own time.
  ease() {
    const { book } = this;
    this.swarm.fill(0);
    for (let who = 0; who < this.x.length; who++) {
      this.isShown[who] = book.here[who] && book.hasDot(who) ? 1 : 0;
      if (this.isShown[who]) this.place(who, book.now);
    }
  }

  place(who, now) {
    const { geometry } = this, leg = geometry.journeys.at(who, now), isWaiting = this.book.topState(who) === WAITING;
    this.isTravelling[who] = leg && now < leg.ends ? 1 : 0;
    this.isAnswer[who] = leg && leg.isAnswer ? 1 : 0;
    this.isNew[who] = 0;
    if (this.isTravelling[who]) [this.x[who], this.y[who]] = geometry.along(leg, now, ((who * 31) % 7 - 3) * 0.8 * geometry.scale);
    else {
      const spot = leg ? leg.to : this.book.depth[who] ? this.spotNow(who) : NOWHERE;
      const [x, y] = spot >= 0 ? geometry.point(spot) : this.home(who);
      const place = spot >= 0 ? this.swarm[spot]++ : (who * 7) % 5, far = (isWaiting ? 9 : 6) + SWARM * Math.sqrt(place);
      this.x[who] = x + far * Math.cos(TURN * place) * geometry.scale;
      this.y[who] = y + far * Math.sin(TURN * place) * geometry.scale;
    }
  }

  spotNow(who) { return this.geometry.map.spot_of[this.book.topNode(who)]; }
}

class MapPainter extends Painter {
  drawGround(pen) {
    const { map } = this.geometry;
    pen.fillStyle = this.theme.paper;
    pen.fillRect(0, 0, this.geometry.width, this.geometry.height);
    this.drawLand(pen, map.land);
    pen.strokeStyle = this.theme.soft;
    pen.lineWidth = 1.2;
    map.homes.forEach((_, home) => {
      pen.beginPath();
      pen.arc(...this.geometry.point(-2 - home), 3 * this.geometry.scale, 0, 7);
      pen.stroke();
    });
    map.spots.forEach((spot, place) => this.drawSpot(pen, spot, place));
  }

  drawLand(pen, rings) {
    const { left, scale } = this.geometry;
    pen.fillStyle = this.theme.empty;
    pen.beginPath();
    for (const ring of rings) {
      for (let at = 0; at < ring.length; at += 2) {
        const x = left + ring[at] / 10 * scale, y = ring[at + 1] / 10 * scale;
        if (at) pen.lineTo(x, y);
        else pen.moveTo(x, y);
      }
      pen.closePath();
    }
    pen.fill();
  }

  // A box where machines stand behind it, else a small cross: its edge.
  drawSpot(pen, { is_large: isLarge }, place) {
    const [x, y] = this.geometry.point(place), size = (isLarge ? 6 : 4) * this.geometry.scale;
    pen.strokeStyle = this.theme.ink;
    pen.fillStyle = this.theme.box;
    pen.lineWidth = isLarge ? 2.2 : 1.4;
    pen.beginPath();
    if (isLarge) pen.rect(x - size, y - size, 2 * size, 2 * size);
    else {
      pen.moveTo(x - size, y);
      pen.lineTo(x + size, y);
      pen.moveTo(x, y - size);
      pen.lineTo(x, y + size);
    }
    if (isLarge) pen.fill();
    pen.stroke();
  }

  draw() {
    const { pen } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.drawImage(this.ground, 0, 0);
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.drawDown();
    this.drawDots();
    this.drawEffects();
    this.drawRing();
    this.drawWords();
  }

  // A place is crossed out while all that stands there is down.
  drawDown() {
    const { geometry, book } = this, s = geometry.scale;
    geometry.map.spots.forEach(({ nodes }, place) => {
      if (nodes.every((node) => book.hasCrashed[node])) this.mark(...geometry.point(place), 9 * s, RED, "cross");
    });
  }

  drawDots() {
    const { pen, dots, book, looks, geometry, drawn } = this;
    for (const column of [drawn.waiting, drawn.working, drawn.elsewhere]) column.fill(0);
    drawn.clients = 0;
    for (let who = 0; who < dots.isShown.length; who++) {
      if (!dots.isShown[who]) continue;
      const node = book.topNode(who), state = book.topState(who);
      if (node === NOWHERE) drawn.clients++;
      else drawn[state === WAITING ? "waiting" : state === WORKING ? "working" : "elsewhere"][node]++;
      const isBack = dots.isTravelling[who] && dots.isAnswer[who];
      looks.dot(pen, dots.look(who), isBack, dots.x[who], dots.y[who], (dots.isTravelling[who] ? 3.2 : 2.4) * geometry.scale);
    }
  }

  drawBounce(place, share, x, y) { this.mark(x, y, (2.6 + 2 * share) * this.geometry.scale, RED, "square"); }

  drawWords() {
    const { pen, geometry, theme } = this, s = geometry.scale;
    geometry.map.spots.forEach(({ name, is_large: isLarge, is_named: isNamed }, place) => {
      if (!isNamed) return;
      const [x, y] = geometry.point(place);
      this.write(pen, name, x, y + (isLarge ? 32 : 18) * s, { isBold: isLarge, ground: theme.paper });
    });
    for (const { node, words } of this.effects.captions) this.drawWhatChanged(node, words);
  }

  drawWhatChanged(node, words) {
    const { pen, geometry, theme } = this, spot = geometry.map.spot_of[node], [x, y] = geometry.point(spot < 0 ? NOWHERE : spot);
    pen.font = `600 ${Math.max(11 * Math.min(geometry.scale, 1.15), 9.5)}px ${theme.font}`;
    const half = pen.measureText(words).width / 2 + 4;
    this.write(pen, words, clamp(x, half, Math.max(half, geometry.width - half)), y - 14 * geometry.scale, { isBold: true, ground: theme.paper });
  }
}
