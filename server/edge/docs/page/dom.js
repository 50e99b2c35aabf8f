// el builds an element. Text becomes text nodes only: nothing is ever parsed as HTML.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...present(children));
  return node;
}

// present leaves out what a condition left empty; lists may be nested.
function present(children) {
  return children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false && child !== "");
}

// fold is a <details> whose content is built when it is first opened, so that
// schemas which contain themselves end.
export function fold(summary, build, attributes = {}) {
  const node = el("details", attributes, el("summary", {}, summary));
  let built = false;
  const fill = () => {
    if (node.open && !built) {
      built = true;
      node.append(...present([build()]));
    }
  };
  node.addEventListener("toggle", fill);
  // Opening by script fires "toggle" later; open() fills at once.
  node.unfold = () => {
    node.open = true;
    fill();
  };
  return node;
}

// prose turns a description into paragraphs, with `code` set as code.
export function prose(text, className = "prose") {
  if (!text) return null;
  const block = el("div", { class: className });
  for (const paragraph of text.split(/\n{2,}/)) block.append(el("p", {}, inline(paragraph)));
  return block;
}

export function inline(text) {
  return text.split(/(`[^`]+`)/).map((part) =>
    part.startsWith("`") && part.endsWith("`") && part.length > 2 ? el("code", {}, part.slice(1, -1)) : part,
  );
}
