// --- the canvas -----------------------------------------------------------------------------------------------------


// Colours of the page: JupyterLab's own, light or dark.
class Theme {
  constructor(element) {
    const style = getComputedStyle(element);
    const take = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    this.ink = take("--jp-ui-font-color1", "#1b1b1b");
    this.soft = take("--jp-ui-font-color2", "#616161");
    this.paper = take("--jp-layout-color1", "#ffffff");
    this.box = take("--jp-layout-color0", "#ffffff");
    this.line = take("--jp-border-color1", "#bdbdbd");
    this.empty = take("--jp-layout-color2", "#eeeeee");
    this.isDark = document.body.dataset.jpThemeLight === "false";
    this.font = take("--jp-ui-font-family", "sans-serif").replace(/['"]/g, "");
  }
}

const MOST_CELLS = 512, LEAST_FOR_SPEC = 0.75;  // drawn smaller, a box has no room for a second line
const TINY = 1.8;  // pixels of the screen: a disc with a smaller radius looks like a square, which is drawn in half the time

// How dots look. Circles as paths: measured without a graphics card they take half the time of copied pictures.
class Looks {
  constructor(ratio) {
    this.ratio = ratio;
    this.styles = Array.from({ length: LOOKS }, (_, look) => rgb(this.colour(look)));
  }

  colour(look) {
    if (look === MESSAGE) return BLUE;
    if (look === ABANDONED) return GREY;
    const share = look / OLD;
    return share < 0.5 ? mix(GREEN, AMBER, share * 2) : mix(AMBER, RED, share * 2 - 1);
  }

  dot(pen, look, isHollow, x, y, radius) {
    if (!isHollow && radius * this.ratio < TINY) {
      pen.fillStyle = this.styles[look];
      pen.fillRect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
      return;
    }
    pen.beginPath();
    pen.arc(x, y, isHollow ? radius * 0.85 : radius, 0, 7);
    if (isHollow) {
      pen.strokeStyle = this.styles[look];
      pen.lineWidth = Math.max(1, radius * 0.35);
      pen.stroke();
    } else {
      pen.fillStyle = this.styles[look];
      pen.fill();
    }
  }
}

class Painter {
  constructor(canvas, trace, geometry, book, dots, effects) {
    Object.assign(this, { canvas, trace, geometry, book, dots, effects });
    this.pen = canvas.getContext("2d");
    this.busy = new Float32Array(book.nodes);
    this.drawn = { waiting: new Int32Array(book.nodes), working: new Int32Array(book.nodes),
      elsewhere: new Int32Array(book.nodes), clients: 0 };
    this.prepare();
  }

  // The numbers that are written, from now until the next call: the same as in the line of words.
  take(counts) { this.counts = counts; }

  // Sizes, colours and all that does not move.
  prepare() {
    const { canvas, geometry } = this;
    this.ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(geometry.width * this.ratio);
    canvas.height = Math.round(geometry.height * this.ratio);
    canvas.style.width = `${geometry.width}px`;
    canvas.style.height = `${geometry.height}px`;
    this.theme = new Theme(canvas);
    this.looks = new Looks(this.ratio);
    this.ground = document.createElement("canvas");
    this.ground.width = canvas.width;
    this.ground.height = canvas.height;
    const pen = this.ground.getContext("2d");
    pen.scale(this.ratio, this.ratio);
    this.drawGround(pen);
  }

  drawGround(pen) {
    const { scene } = this.geometry;
    pen.fillStyle = this.theme.paper;
    pen.fillRect(0, 0, this.geometry.width, this.geometry.height);
    for (const line of scene.lines) this.drawLine(pen, line);
    this.drawClients(pen);
    for (const box of scene.boxes) this.drawBox(pen, box);
  }

  // Two lanes: requests on the upper one, answers on the lower one; nobody waits for what is dashed.
  drawLine(pen, { from, to, dashed, one_way: isOneWay }) {
    const { boxes } = this.geometry.scene, start = from < 0 ? NOWHERE : boxes[from].machines[0].node;
    this.drawLane(pen, start, boxes[to].machines[0].node, false, dashed);
    if (!isOneWay) this.drawLane(pen, start, boxes[to].machines[0].node, true, false);
  }

  drawLane(pen, from, to, isAnswer, dashed) {
    const { geometry } = this, size = 5.5 * geometry.scale;
    const points = [[geometry.rightX(from), geometry.laneY(from, isAnswer)], ...geometry.corners(from, to, isAnswer),
      [geometry.leftX(to), geometry.laneY(to, isAnswer)]];
    if (isAnswer) points.reverse();
    const [before, tip] = points.slice(-2), angle = Math.atan2(tip[1] - before[1], tip[0] - before[0]);
    pen.strokeStyle = pen.fillStyle = this.theme.line;
    pen.lineWidth = 1.5;
    pen.setLineDash(dashed ? [6, 4] : []);
    pen.beginPath();
    for (const point of points) pen.lineTo(...point);
    pen.stroke();
    pen.setLineDash([]);
    pen.beginPath();
    pen.moveTo(...tip);
    for (const turn of [2.65, -2.65]) pen.lineTo(tip[0] + size * Math.cos(angle + turn), tip[1] + size * Math.sin(angle + turn));
    pen.fill();
  }

  drawClients(pen) {
    const { clientsX: x, clientsY: y, scale } = this.geometry;
    pen.fillStyle = rgb(this.theme.isDark ? SKY : BLUE);
    for (const [shift, size] of [[-11, 0.8], [11, 0.8], [0, 1]]) {
      pen.beginPath();
      pen.arc(x + shift * scale, y - 8 * size * scale, 5 * size * scale, 0, 7);
      pen.fill();
      pen.beginPath();
      pen.ellipse(x + shift * scale, y + 9 * scale, 8.5 * size * scale, 11 * size * scale, 0, Math.PI, 0);
      pen.fill();
    }
  }

  drawBox(pen, box) {
    this.outlineBox(pen, box);
    pen.fillStyle = this.theme.box;
    pen.fill();
    pen.strokeStyle = this.theme.soft;
    pen.lineWidth = 1.4;
    pen.stroke();
    for (const machine of box.machines) this.drawEmpty(pen, machine);
  }

  outlineBox(pen, box) {
    const { geometry } = this, s = geometry.scale, left = geometry.columnX(box) + box.x * s;
    pen.beginPath();
    for (const [x, y] of box.outline) pen.lineTo(left + x * box.w * s, (box.y + (1 - y) * box.h) * s);
    pen.closePath();
  }

  // The slots and memory cells with nobody in them.
  drawEmpty(pen, machine) {
    const { geometry } = this, s = geometry.scale;
    pen.strokeStyle = this.theme.line;
    pen.lineWidth = 1;
    for (let cell = 0; machine.slots && cell < machine.slots[7]; cell++) {
      const half = machine.slots[5] * s / 2;
      pen.strokeRect(geometry.slotX(machine.node, cell) - half, geometry.slotY(machine.node, cell) - half, 2 * half, 2 * half);
    }
    if (machine.slots && !machine.shares && machine.queue) this.drawDivider(pen, machine);
    if (machine.shares) pen.strokeRect(...this.area(machine.node, machine.hold));
    pen.fillStyle = this.theme.empty;
    if (machine.memory) pen.fillRect(...this.area(machine.node, machine.memory));
  }

  // Between those who wait and those who are worked on.
  drawDivider(pen, { node, queue, level }) {
    const x = this.geometry.x(node, level[0] - 2);
    pen.beginPath();
    pen.moveTo(x, this.geometry.y(queue[1] - 2));
    pen.lineTo(x, this.geometry.y(queue[1] + queue[3] + 2));
    pen.stroke();
  }

  area(node, [x, y, w, h]) {
    const { geometry } = this;
    return [geometry.x(node, x), geometry.y(y), w * geometry.scale, h * geometry.scale];
  }

  // Words on a ground of this colour, so that whatever moves below them leaves them readable.
  write(pen, text, x, y, { size = 11, align = "center", isBold = false, most = Infinity, ground = null } = {}) {
    const points = Math.max(size * Math.min(this.geometry.scale, 1.15), 9.5);
    pen.font = `${isBold ? "600 " : ""}${points}px ${this.theme.font}`;
    const wide = Math.min(pen.measureText(text).width, most), left = align === "center" ? x - wide / 2 : align === "right" ? x - wide : x;
    if (ground) {
      pen.fillStyle = ground;
      pen.globalAlpha = 0.85;
      pen.fillRect(left - 2, y - points, wide + 4, points * 1.3);
      pen.globalAlpha = 1;
    }
    pen.fillStyle = isBold ? this.theme.ink : this.theme.soft;
    pen.textAlign = "left";
    pen.textBaseline = "alphabetic";
    if (most === Infinity) pen.fillText(text, left, y);
    else pen.fillText(text, left, y, most);
  }

  // One frame; seconds of screen time since the one before.
  draw(seconds) {
    const { pen, geometry } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.drawImage(this.ground, 0, 0);
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    for (let node = 0; node < geometry.machines.length; node++) {
      if (geometry.machines[node]) this.drawMachine(geometry.machines[node], node, seconds);
    }
    this.drawWork();
    this.drawDots();
    this.drawEffects();
    this.drawRing();
    this.drawWords();
  }

  drawMachine(machine, node, seconds) {
    const { book, pen } = this, places = book.places[node];
    const now = places ? book.working[node] / places : 0;
    this.busy[node] += (now - this.busy[node]) * (seconds === Infinity ? 1 : 1 - Math.exp(-seconds / LEVEL_S));
    if (machine.slots) this.hideSlots(machine, node, places);
    this.drawLevel(machine, node);
    if (machine.memory) this.drawMemory(machine, node);
    if (book.hasCrashed[node] || this.effects.flashAge[node] < 0.6) this.drawDown(machine, node);
    pen.globalAlpha = 1;
  }

  // Slots that it does not have at this moment: it gets them later, or had them before.
  hideSlots({ slots }, node, places) {
    const { pen, geometry, theme } = this, half = (slots[5] / 2 + 1) * geometry.scale;
    pen.fillStyle = theme.box;
    for (let cell = places; cell < slots[7]; cell++) {
      pen.fillRect(geometry.slotX(node, cell) - half, geometry.slotY(node, cell) - half, 2 * half, 2 * half);
    }
  }

  // How busy it was over the last seconds of screen time, as a soft fill from below.
  drawLevel(machine, node) {
    const level = this.busy[node], { pen } = this;
    if (level < 0.005 || !machine.level) return;
    const [x, y, w, h] = this.area(node, machine.level);
    pen.fillStyle = rgb(SKY, 0.22);
    pen.fillRect(x, y + h * (1 - level), w, h * level);
  }

  drawMemory(machine, node) {
    const { pen, geometry, book } = this, [x, y, w, h, across, size] = machine.memory;
    const { inside } = this.counts ? this.counts[node] : { inside: book.inside[node] };
    const most = book.memory[node], share = Math.min(inside / most, 1), s = geometry.scale;
    pen.fillStyle = this.theme.soft;
    pen.globalAlpha = 0.75;
    if (across === 1) pen.fillRect(geometry.x(node, x), geometry.y(y), w * s * share, h * s);
    else {
      const cells = Math.min(most, MOST_CELLS), lit = Math.ceil(share * cells), gap = size * s > 3 ? 1 : 0.5;
      for (let cell = 0; cell < lit; cell++) {
        pen.fillRect(geometry.x(node, x + (cell % across) * size), geometry.y(y + Math.floor(cell / across) * size),
          size * s - gap, size * s - gap);
      }
    }
    pen.globalAlpha = 1;
  }

  // A slot is lit while somebody works in it; the light drains as the work gets done.
  drawWork() {
    const { pen, geometry, dots, book } = this;
    pen.fillStyle = rgb(SKY, 0.6);
    for (let who = 0; who < dots.isShown.length; who++) {
      if (!dots.isShown[who] || book.topState(who) !== WORKING) continue;
      const node = book.topNode(who), { slots } = geometry.machines[node];
      if (!slots) continue;
      const half = slots[5] * geometry.scale / 2, cell = geometry.slotCell(node, book.topSlot(who), this.mostPlaces(node));
      const left = clamp((book.workEnds[who] - book.now) / (book.workEnds[who] - book.workBegan[who]), 0, 1);
      const high = Number.isFinite(left) ? 2 * half * left : 2 * half;
      pen.fillRect(geometry.slotX(node, cell) - half, geometry.slotY(node, cell) + half - high, 2 * half, high);
    }
  }

  mostPlaces(node) { return Math.max(this.geometry.machines[node].slots[7], this.book.places[node]); }

  drawDown(machine, node) {
    const { pen, book, effects, geometry } = this, [x, y, w, h] = this.area(node, machine.row), flash = effects.flashAge[node];
    pen.save();
    pen.beginPath();
    pen.rect(x, y, w, h);
    pen.clip();
    if (book.hasCrashed[node]) {
      pen.fillStyle = this.theme.empty;
      pen.globalAlpha = 0.82;
      pen.fillRect(x, y, w, h);
      pen.globalAlpha = 0.7;
      pen.strokeStyle = this.theme.soft;
      pen.lineWidth = 1.2;
      pen.beginPath();
      for (let shift = -h; shift < w; shift += 9) {
        pen.moveTo(x + shift, y + h);
        pen.lineTo(x + shift + h, y);
      }
      pen.stroke();
    }
    pen.globalAlpha = clamp(1 - flash / 0.6, 0, 1) * 0.8;
    pen.fillStyle = rgb(RED);
    pen.fillRect(x, y, w, h);
    pen.restore();
    if (book.hasCrashed[node]) this.drawCountdown(x + w / 2, y + h / 2, w, h > 40 * geometry.scale, node);
  }

  // In a narrow box fewer words: they must not run over its sides.
  drawCountdown(x, y, most, isLarge, node) {
    const { pen, book, geometry } = this, left = book.downUntil[node] - book.now, s = geometry.scale;
    const time = `${left.toFixed(left < 10 ? 2 : 1)} s`, texts = Number.isFinite(left) ? [`back in ${time}`, time] : ["refuses all", "refuses"];
    const wide = Math.min((isLarge ? 104 : 112) * s, most), high = (isLarge ? 38 : 15) * s;
    const text = this.fitting(pen, isLarge ? texts : [...texts.map((words) => `DOWN, ${words}`), "DOWN"], wide - 4);
    pen.fillStyle = this.theme.box;
    pen.fillRect(x - wide / 2, y - high / 2, wide, high);
    if (isLarge) this.write(pen, "DOWN", x, y - 4 * s, { size: 14, isBold: true, most: wide - 4 });
    this.write(pen, text, x, y + (isLarge ? 12 : 4) * s, { size: isLarge ? 11 : 9, isBold: !isLarge, most: wide - 4 });
  }

  drawDots() {
    const { pen, dots, book, looks, geometry, drawn } = this, people = dots.isShown.length;
    drawn.waiting.fill(0);
    drawn.working.fill(0);
    drawn.elsewhere.fill(0);
    drawn.clients = 0;
    for (let who = 0; who < people; who++) {
      if (!dots.isShown[who]) continue;
      const asMessage = book.messageNode(who), isMessage = asMessage !== NOWHERE;
      const node = isMessage ? asMessage : book.topNode(who), state = isMessage ? PASSING : book.topState(who);
      if (node === NOWHERE) drawn.clients++;
      else drawn[state === WAITING ? "waiting" : state === WORKING ? "working" : "elsewhere"][node]++;
      const isHidden = isMessage && book.isHidden(who);
      const pitch = node === NOWHERE || state === WORKING ? 9 * geometry.scale
        : (isMessage ? geometry.holdDots : geometry.queueDots)[node].pitch;
      const radius = this.radius(node, state, pitch);
      const isHollow = isHidden || node === NOWHERE || dots.ways.isOnAnswer(who);
      looks.dot(pen, isMessage ? MESSAGE : dots.look(who), isHollow, dots.x[who], dots.y[who], radius);
    }
  }

  radius(node, state, pitch) {
    const { geometry } = this;
    if (state === WORKING && geometry.machines[node].slots) return Math.min(4.2, geometry.machines[node].slots[5] * 0.36) * geometry.scale;
    const most = node !== NOWHERE && state !== WAITING && geometry.machines[node].shares
      ? geometry.machines[node].hold[2] * geometry.scale * 0.16 : 4.2 * geometry.scale;
    return Math.min(most, pitch * 0.44);
  }

  drawEffects() {
    const { effects } = this;
    for (let place = 0; place < MOST_EFFECTS; place++) {
      const kind = effects.kind[place];
      if (kind && effects.age[place] < LIFE_S[kind]) this.drawEffect(kind, place, effects.age[place] / LIFE_S[kind]);
    }
    this.pen.globalAlpha = 1;
  }

  drawEffect(kind, place, share) {
    const { pen, effects, geometry } = this, x = effects.x[place], y = effects.y[place], s = geometry.scale;
    pen.globalAlpha = share < 0.6 ? 1 : (1 - share) / 0.4;
    if (kind === "ok" || kind === "back") {
      const [nowX, nowY] = effects.along(place, 1 - (1 - Math.min(share / 0.65, 1)) ** 2);
      if (share < 0.65) this.looks.dot(pen, effects.look[place], true, nowX, nowY, 4 * s);
      else if (kind === "ok") this.mark(nowX - 7 * s, nowY + (4 + (place % 5) * 5) * s, 4 * s, GREEN, "tick");
    } else if (kind === "refused") this.drawBounce(place, share, x, y);
    else if (kind === "lost" || kind === "dead") this.mark(x, y, (2.2 + 2.2 * share) * s, RED, "cross");
    else if (kind === "timed out") this.mark(x - (place % 4) * 7 * s, y + (26 - 18 * share) * s, 4 * s, AMBER, "clock");
    else if (kind === "delivered") this.mark(x, y, 4 * s, GREEN, "tick");
    else this.looks.dot(pen, ABANDONED, false, x, y, 3.5 * s);
  }

  // Refused: it flies to the machine that is shut, hits it, and comes back below as a square.
  drawBounce(place, share, x, y) {
    const { effects, geometry } = this, node = effects.node[place], s = geometry.scale, isBack = share >= 0.5;
    const spread = isBack ? (place % 7) * 4 * s : 0, way = isBack ? 2 - share * 2 : share * 2;
    const wallX = node === NOWHERE ? x : geometry.left(node) - 5 * s, wallY = node === NOWHERE ? y : geometry.laneY(node, isBack);
    const startX = geometry.rightX(NOWHERE), startY = geometry.laneY(NOWHERE, isBack);
    this.mark(startX + (wallX - startX) * way, startY + (wallY - startY) * way + spread, 3.6 * s, RED, "square");
  }

  mark(x, y, size, colour, shape) {
    const { pen } = this;
    pen.strokeStyle = rgb(colour);
    pen.lineWidth = 1.8;
    pen.beginPath();
    if (shape === "tick") {
      pen.moveTo(x - size, y);
      pen.lineTo(x - size * 0.3, y + size * 0.7);
      pen.lineTo(x + size, y - size * 0.8);
    } else if (shape === "cross") {
      pen.moveTo(x - size, y - size);
      pen.lineTo(x + size, y + size);
      pen.moveTo(x + size, y - size);
      pen.lineTo(x - size, y + size);
    } else if (shape === "square") pen.rect(x - size, y - size, 2 * size, 2 * size);
    else {
      pen.arc(x, y, size, 0, 7);
      pen.moveTo(x, y - size * 0.7);
      pen.lineTo(x, y);
      pen.lineTo(x + size * 0.6, y);
    }
    pen.stroke();
  }

  // Around the request that the last step was about.
  drawRing() {
    const { pen, dots, geometry } = this, who = dots.ringed;
    if (who === NOWHERE || !dots.isShown[who]) return;
    pen.strokeStyle = this.theme.ink;
    pen.lineWidth = 1.6;
    pen.beginPath();
    pen.arc(dots.x[who], dots.y[who], 8 * geometry.scale, 0, 7);
    pen.stroke();
  }

  // All words, last and on a ground.
  drawWords() {
    const { pen, geometry, theme, counts } = this, s = geometry.scale, again = this.drawn.clients, line = Math.max(13 * s, 11);
    this.writeClients(pen, this.trace.about.users, geometry.clientsY - 23 * s - line);
    this.writeClients(pen, "users", geometry.clientsY - 23 * s);
    if (again) {
      this.write(pen, `${whole(again)} wait${again === 1 ? "s" : ""}`, geometry.clientsX, geometry.clientsY + 78 * s, { ground: theme.paper });
      this.write(pen, "to try again", geometry.clientsX, geometry.clientsY + 91 * s, { ground: theme.paper });
    }
    for (const box of geometry.scene.boxes) this.drawBoxWords(box, counts);
    for (const { node, words } of this.effects.captions) this.drawCaption(geometry.box(node), words);
  }

  // Within the canvas, and before the first box.
  writeClients(pen, text, y) {
    const { geometry, theme } = this, most = geometry.leftX(geometry.scene.boxes[0].machines[0].node) - 6;
    const points = Math.max(12 * Math.min(geometry.scale, 1.15), 9.5);
    pen.font = `600 ${points}px ${theme.font}`;
    const half = Math.min(pen.measureText(text).width, most) / 2;
    this.write(pen, text, clamp(geometry.clientsX, half + 2, Math.max(half + 2, most - half)), y, { size: 12, isBold: true, most, ground: theme.paper });
  }

  drawBoxWords(box, counts) {
    const { pen, geometry, theme } = this, s = geometry.scale, { labels } = box, ground = theme.box;
    const middle = geometry.columnX(box) + (box.x + box.w / 2) * s, most = box.w * s - 8;
    this.write(pen, box.name, middle, (box.y + 16) * s, { size: 13, isBold: true, most, ground });
    if (box.spec && s >= LEAST_FOR_SPEC) this.write(pen, this.fitting(pen, [box.spec, box.spec.split(", ")[0]], most), middle, (box.y + 29) * s, { most, ground });
    if (!counts || box.machines.every(({ node }) => this.book.hasCrashed[node])) return;
    const sum = (name, machines = box.machines) => machines.reduce((total, { node }) => total + counts[node][name], 0);
    const put = ([x, y], texts, align, wide = most) => this.write(pen, this.fitting(pen, texts, wide),
      geometry.columnX(box) + x * s, y * s, { size: 10.5, align, ground, most: wide });
    const waiting = sum("waiting"), more = sum("more"), first = box.machines[0], unit = this.trace.about.units[first.node];
    const waits = `${whole(waiting)} wait${waiting === 1 ? "s" : ""}`, places = `${whole(sum("working"))} of ${whole(sum("places"))}`;
    if (box.dashed && labels.queue) put(labels.queue, [`${whole(sum("visible"))} messages wait`, `${whole(sum("visible"))} wait`], "left");
    else if (box.works_for_a_queue && labels.queue) put(labels.queue, [`${whole(sum("working"))} at work`], "left");
    else if (labels.queue) put(labels.queue, [more ? `${waits}, ${whole(more)} not drawn` : waits], "left");
    if (labels.slots && !more && this.fitting(pen, [`${waits}   ${places}`, ""], most)) put(labels.slots, [`${places} ${unit}`, places], "right", (first.slots || first.level)[2] * s + 8);
    if (labels.memory) put(labels.memory, [`memory holds ${whole(sum("inside"))} of ${whole(sum("memory"))} requests`,
      `memory holds ${whole(sum("inside"))} of ${whole(sum("memory"))}`], "left", most - 10 * s);
    if (sum("dead")) this.write(pen, `${whole(sum("dead"))} dead letters`, middle, (box.y + box.h + 13) * s, { isBold: true, ground: theme.paper });
  }

  // The first of these texts that is not too wide, else the last.
  fitting(pen, texts, wide) {
    pen.font = `${Math.max(10.5 * Math.min(this.geometry.scale, 1.15), 9.5)}px ${this.theme.font}`;
    return texts.find((text) => pen.measureText(text).width <= wide) || texts[texts.length - 1];
  }

  // What was changed here a moment ago.
  drawCaption(box, words) {
    const { pen, geometry, theme } = this, s = geometry.scale, middle = geometry.columnX(box) + (box.x + box.w / 2) * s;
    pen.font = `600 ${Math.max(11 * Math.min(s, 1.15), 9.5)}px ${theme.font}`;
    const half = pen.measureText(words).width / 2 + 4, below = (box.y + box.h + 13) * s;
    this.write(pen, words, clamp(middle, half, Math.max(half, geometry.width - half)), Math.min(below, geometry.height - 5),
      { isBold: true, ground: theme.paper });
  }
}
