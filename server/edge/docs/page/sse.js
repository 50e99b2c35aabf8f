// events reads server-sent events from a fetch body and yields {event, data, comment}.
// Lines may end in LF, CRLF or CR, and a read may split a line or a character.
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  let event = "";
  let data = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      buffer += value ?? "";
      // A CR at the very end may be half of a CRLF: wait for what follows.
      const ready = !done && buffer.endsWith("\r") ? buffer.slice(0, -1) : buffer;
      const lines = ready.split(/\r\n|\n|\r/);
      buffer = lines.pop() + buffer.slice(ready.length);
      for (const line of lines) {
        if (line === "") {
          if (data.length) yield { event, data: data.join("\n") };
          event = "";
          data = [];
          continue;
        }
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "") yield { comment: text };
        else if (field === "data") data.push(text);
        else if (field === "event") event = text;
      }
      // What stands unfinished at the end of the body is no event.
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
