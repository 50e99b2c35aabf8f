// pretty indents JSON text without parsing its numbers, so that every digit stays;
// lists of plain values stay on one line. Text that is no JSON is returned as it is.
export function pretty(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g);
  let at = 0;
  const value = (indent) => {
    const token = tokens[at++];
    if (token !== "{" && token !== "[") return token;
    const close = token === "{" ? "}" : "]";
    const deeper = indent + "  ";
    const parts = [];
    let plain = token === "[";
    while (tokens[at] !== close) {
      let part = "";
      if (token === "{") {
        part = tokens[at] + ": ";
        at += 2;
      }
      if (tokens[at] === "{" || tokens[at] === "[") plain = false;
      parts.push(part + value(deeper));
      if (tokens[at] === ",") at++;
    }
    at++;
    if (parts.length === 0) return token + close;
    if (plain) return token + parts.join(", ") + close;
    return `${token}\n${deeper}${parts.join(`,\n${deeper}`)}\n${indent}${close}`;
  };
  return value("");
}
