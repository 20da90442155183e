// Building the page.  Every text enters as a text node: prompt text is hostile, and nothing here parses markup.

// Marks that reorder or hide text are shown by their number, so that no text looks like another.
const INVISIBLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

export function visible(text) {
  return String(text).replace(INVISIBLE, (mark) => {
    const code = mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    return `\u2039U+${code}\u203a`;
  });
}

// h("p", { class: "small", data: { state: "ok" }, on: { click } }, "text", child, [children], null)
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") listen(element, value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "width") element.style.width = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function listen(element, listeners) {
  for (const [event, listener] of Object.entries(listeners)) element.addEventListener(event, listener);
}

function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child instanceof Node) element.append(child);
    else if (child !== null && child !== undefined && child !== false) element.append(visible(child));
  }
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A part of the page that is drawn again only when what it shows has changed: focus and charts stay.
export class Part {
  constructor(host, draw) {
    this.host = host;
    this.draw = draw;
    this.shown = undefined;
  }

  update(input) {
    const key = JSON.stringify(input);
    if (key === this.shown) return;
    this.shown = key;
    this.host.hidden = input === null;
    this.host.replaceChildren(...(input === null ? [] : [this.draw(input)].flat().filter(Boolean)));
  }
}
