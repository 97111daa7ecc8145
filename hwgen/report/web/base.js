// The report's data, and what all of the page's parts share. One scope: the page joins these files.
"use strict";
const report = JSON.parse(document.getElementById("data").textContent);
const layerOf = new Map(report.layers.map((layer) => [layer.name, layer]));
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const count = (value) => (value === null || value === undefined ? "–" : whole.format(value));
const rate = (fps) => (fps >= 100 ? whole.format(Math.round(fps)) : Number(fps.toPrecision(3)).toString());
// Short numbers on axes: 0, 250, 1.5k, 2M.
const brief = (value) => {
  const [size, unit] = value >= 1e6 ? [1e6, "M"] : value >= 1e3 ? [1e3, "k"] : [1, ""];
  return `${Number((value / size).toPrecision(3))}${unit}`;
};
const duration = (us) => {
  const [size, unit] = us >= 1e6 ? [1e6, "s"] : us >= 1e3 ? [1e3, "ms"] : [1, "µs"];
  return `${Number((us / size).toPrecision(3))}\u00a0${unit}`;
};
const share = (part, all) => (all ? (100 * part) / all : 0);
const percent = (part, all) => {
  const value = share(part, all);
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
};

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const ink = document.createElement("canvas").getContext("2d");
const family = getComputedStyle(document.body).fontFamily;
function widthOf(text, size = 12) {
  ink.font = `${size}px ${family}`;
  return ink.measureText(text).width;
}

// Shortens the middle of a name, whose end often says more than its beginning.
function shorten(name, room, size = 12) {
  if (widthOf(name, size) <= room) return name;
  let keep = name.length - 1;
  const cut = () => `${name.slice(0, Math.floor(keep / 2))}…${name.slice(name.length - Math.ceil(keep / 2))}`;
  while (keep > 2 && widthOf(cut(), size) > room) keep -= 1;
  return cut();
}

// Both ends of a stream, each shortened by itself.
function shortenStream(name, room, size = 12) {
  if (widthOf(name, size) <= room) return name;
  const ends = name.split(" → ");
  const each = (room - widthOf(" → ", size)) / 2;
  const spare = ends.map((end) => Math.max(0, each - widthOf(end, size)));
  return ends.map((end, index) => shorten(end, each + spare[1 - index], size)).join(" → ");
}

// Draws into a mount at its width, and again whenever that changes.
function drawn(mount, draw) {
  let last = 0;
  const again = () => {
    const width = Math.floor(mount.clientWidth);
    if (width < 40 || width === last) return;
    last = width;
    mount.replaceChildren(draw(width));
  };
  new ResizeObserver(again).observe(mount);
  again();
  return { redraw: () => { last = 0; again(); } };
}

// A row of buttons of which one is pressed.
function choice(label, options, chosen, pick) {
  const group = el("div", { class: "choice", role: "group", "aria-label": label });
  for (const [key, text] of options) {
    group.append(el("button", {
      type: "button", "data-key": key, "aria-pressed": String(key === chosen),
      onclick: (event) => {
        for (const other of group.children) other.setAttribute("aria-pressed", "false");
        event.currentTarget.setAttribute("aria-pressed", "true");
        pick(key);
      },
    }, text));
  }
  return group;
}

function pairs(rows) {
  return el("dl", {}, ...rows.filter((row) => row[1] !== null && row[1] !== undefined).map(
    ([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
});
