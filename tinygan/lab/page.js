// The page of its own: what anywidget gives a widget in a notebook, made of fetch. lab.js does not know where it runs.
import lab from "./lab.js";

const told = await (await fetch("told.json")).json();
let listener = () => {};

async function send(message) {
  try {
    const response = await fetch("ask", { method: "POST", body: JSON.stringify(message) });
    if (!response.ok) throw new Error(await response.text());
    const block = await response.arrayBuffer();
    const length = new DataView(block).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(block, 4, length)));
    listener(header, [new DataView(block, 4 + length)]);
  } catch (error) {
    listener({ gone: String(error.message || error), asked: message }, []);
  }
}

lab.render({
  model: {
    get: (name) => told[name],
    send,
    on: (name, callback) => { listener = callback; },
    off: () => { listener = () => {}; },
  },
  el: document.getElementById("lab"),
});
