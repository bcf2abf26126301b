// The playground as an anywidget. The page stands in a frame, so that its keys and looks are its own.
const PATIENCE = 100; // ms between edits that go to Python

function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = "Playground";
  frame.sandbox = "allow-scripts";
  frame.allow = "clipboard-write";
  frame.style.cssText = `width: 100%; height: 900px; border: 0; color-scheme: ${isDark() ? "dark" : "light"}`;
  frame.srcdoc = model.get("_page");
  el.append(frame);

  let told = ""; // what Python has from here, as JSON
  let waiting = null;
  let timer = 0;
  const tell = () => {
    timer = 0;
    told = JSON.stringify(waiting);
    model.set("_sequence", waiting);
    model.save_changes();
  };
  const show = () => {
    const sequence = model.get("_sequence");
    if (JSON.stringify(sequence) !== told) frame.contentWindow?.postMessage({ sequence }, "*");
  };
  const hear = ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    if (data.ready) {
      told = "";
      show();
    }
    if (data.height) frame.style.height = `${data.height}px`;
    if (data.sequence) {
      waiting = data.sequence;
      timer ||= setTimeout(tell, PATIENCE);
    }
  };
  addEventListener("message", hear);
  model.on("change:_sequence", show);
  return () => {
    removeEventListener("message", hear);
    model.off("change:_sequence", show);
    clearTimeout(timer);
  };
}

// Whether the notebook writes light on dark.
function isDark() {
  const channels = getComputedStyle(document.body).color.match(/[\d.]+/g) ?? [];
  return channels.slice(0, 3).reduce((sum, channel) => sum + Number(channel), 0) > 3 * 128;
}

export default { render };
