"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const stage = document.getElementById("stage");
  const svg = stage.querySelector("svg");
  const search = document.getElementById("search");
  const hits = document.getElementById("hits");
  const details = document.getElementById("details");
  const SMALLEST = 0.02, LARGEST = 8, READABLE = 0.35, STEP = 1.25, ARROW = 60;

  const vertices = new Map(data.vertices.map((vertex) => [vertex.key, vertex]));
  const arcs = new Map();
  data.arcs.forEach(([tail, head, label], number) => {
    for (const [key, other, way] of [[tail, head, "to"], [head, tail, "from"]]) {
      if (!arcs.has(key)) arcs.set(key, []);
      arcs.get(key).push({ other, way, label, id: "a" + number });
    }
  });
  for (const vertex of data.vertices) {
    vertex.element = document.getElementById(vertex.key);
    vertex.text = [vertex.title, vertex.note, ...vertex.details.map((pair) => pair[1])].join("\n").toLowerCase();
  }
  const drawn = svg.viewBox.baseVal;
  const size = { width: drawn.width, height: drawn.height };

  let x = 0, y = 0, scale = 1, chosen = null, found = [], at = -1;

  function place() {
    // of the whole element: of a part of it, every text would be laid out anew for each scale
    svg.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    svg.classList.toggle("far", scale < READABLE); // what can't be read need not be drawn
  }
  function fit() {
    const room = stage.getBoundingClientRect();
    scale = Math.min(1, Math.max(SMALLEST, Math.min(room.width / size.width, room.height / size.height)));
    x = (room.width - size.width * scale) / 2;
    y = Math.max((room.height - size.height * scale) / 2, 0);
    place();
  }
  function zoom(factor, toX, toY) {
    const room = stage.getBoundingClientRect();
    const px = toX === undefined ? room.width / 2 : toX - room.left;
    const py = toY === undefined ? room.height / 2 : toY - room.top;
    const next = Math.min(LARGEST, Math.max(SMALLEST, scale * factor));
    x = px - (px - x) * (next / scale);
    y = py - (py - y) * (next / scale);
    scale = next;
    place();
  }
  function centre(element) {
    const room = stage.getBoundingClientRect();
    if (scale < 0.6) zoom(1 / scale);
    const box = element.getBoundingClientRect();
    x += room.left + room.width / 2 - (box.left + box.width / 2);
    y += room.top + room.height / 2 - (box.top + box.height / 2);
    place();
  }

  function make(name, text, parent) {
    const element = document.createElement(name);
    element.textContent = text;
    parent.append(element);
    return element;
  }
  function choose(key, move) {
    const vertex = vertices.get(key);
    for (const element of svg.querySelectorAll(".chosen, .near")) element.classList.remove("chosen", "near");
    chosen = vertex ? key : null;
    details.hidden = !vertex;
    details.replaceChildren();
    if (!vertex) return;
    vertex.element.classList.add("chosen");
    make("h2", vertex.title, details);
    if (vertex.note) make("p", vertex.note, details);
    const list = document.createElement("dl");
    details.append(list);
    for (const [label, text] of vertex.details) {
      make("dt", label, list);
      make("dd", text, list);
    }
    for (const way of ["from", "to"]) {
      const links = (arcs.get(key) || []).filter((link) => link.way === way);
      if (links.length) make("dt", way === "from" ? "Comes from" : "Leads to", list);
      for (const link of links) {
        document.getElementById(link.id).classList.add("near");
        const button = make("button", vertices.get(link.other).title + (link.label ? "  (" + link.label + ")" : ""), details);
        list.append(button);
        button.type = "button";
        button.className = "way";
        button.addEventListener("click", () => choose(link.other, true));
      }
    }
    if (move) {
      centre(vertex.element);
      vertex.element.focus({ preventScroll: true });
    }
  }

  function look() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const vertex of found) vertex.element.classList.remove("hit");
    found = words.length ? data.vertices.filter((vertex) => words.every((word) => vertex.text.includes(word))) : [];
    for (const vertex of found) vertex.element.classList.add("hit");
    svg.classList.toggle("searching", words.length > 0);
    hits.textContent = words.length ? found.length + " found" : "";
    at = -1;
  }
  function next(by) {
    if (!found.length) return;
    at = (at + by + found.length) % found.length;
    hits.textContent = at + 1 + " of " + found.length;
    choose(found[at].key, false);
    centre(found[at].element);
  }

  let held = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held = { x: event.clientX, y: event.clientY, fromX: x, fromY: y, moved: false };
  });
  window.addEventListener("pointermove", (event) => {
    if (!held) return;
    const dx = event.clientX - held.x, dy = event.clientY - held.y;
    if (!held.moved && Math.abs(dx) + Math.abs(dy) < 4) return;
    held.moved = true;
    stage.classList.add("moving");
    x = held.fromX + dx;
    y = held.fromY + dy;
    place();
  });
  window.addEventListener("pointerup", () => {
    stage.classList.remove("moving");
    const moved = held && held.moved;
    held = moved ? { done: true } : null;
    if (moved) setTimeout(() => { held = null; });
  });
  stage.addEventListener("click", (event) => {
    if (held && held.done) return;
    const vertex = event.target.closest(".vertex");
    choose(vertex ? vertex.id : null, false);
    if (vertex) vertex.focus({ preventScroll: true });
  });
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX, event.clientY);
  }, { passive: false });

  function step(by) {
    const number = chosen ? data.vertices.findIndex((vertex) => vertex.key === chosen) + by : by > 0 ? 0 : -1;
    const vertex = data.vertices.at(number % data.vertices.length);
    if (vertex) choose(vertex.key, true);
  }
  const KEYS = {
    "+": () => zoom(STEP), "=": () => zoom(STEP), "-": () => zoom(1 / STEP), "0": fit,
    "/": () => search.focus(), f: () => search.focus(),
    n: () => next(1), N: () => next(-1),
    ArrowLeft: () => { x += ARROW; place(); }, ArrowRight: () => { x -= ARROW; place(); },
    ArrowUp: () => { y += ARROW; place(); }, ArrowDown: () => { y -= ARROW; place(); },
    Escape: () => choose(null),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape") { search.value = ""; look(); stage.focus(); }
      return;
    }
    if (event.key === "Tab" && stage.contains(event.target)) {
      const last = data.vertices.length - 1;
      const number = data.vertices.findIndex((vertex) => vertex.key === chosen);
      if (event.shiftKey ? number <= 0 : number === last) return;
      event.preventDefault();
      step(event.shiftKey ? -1 : 1);
      return;
    }
    if (event.target.closest("button, a") && event.key === "Enter") return;
    const act = KEYS[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  search.addEventListener("input", look);
  document.getElementById("in").addEventListener("click", () => zoom(STEP));
  document.getElementById("out").addEventListener("click", () => zoom(1 / STEP));
  document.getElementById("fit").addEventListener("click", fit);
  window.addEventListener("resize", place);
  fit();
  document.documentElement.dataset.ready = "yes";
})();
