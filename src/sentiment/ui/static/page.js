// What Gradio's components leave out: Ctrl+Enter, arrow keys between the tabs, and charts as PNG. Nothing is loaded.
document.addEventListener("keydown", (event) => {
  const target = event.target;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.tagName === "TEXTAREA") {
    event.preventDefault();
    target.closest('[role="tabpanel"]')?.querySelector("button.submit")?.click();
  }
  if (target.getAttribute?.("role") === "tab") {
    const tabs = [...target.closest('[role="tablist"]').querySelectorAll('[role="tab"]')].filter((tab) => tab.offsetParent);
    const at = tabs.indexOf(target);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const tab = tabs[(next + tabs.length) % tabs.length];
    tab.click();
    tab.focus();
  }
});

const STYLES = ["fill", "stroke", "stroke-width", "stroke-linejoin", "stroke-linecap", "stroke-opacity", "fill-opacity", "opacity", "font-size", "font-weight",
  "font-family"];

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button.png");
  if (!button) return;
  const figure = button.closest("figure");
  const source = figure.querySelector("svg");
  const { width, height } = source.viewBox.baseVal;
  const copy = source.cloneNode(true);
  const own = source.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((node, i) => {
    const style = getComputedStyle(own[i]);
    STYLES.forEach((name) => node.style.setProperty(name, style.getPropertyValue(name)));
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", width * 2);
  copy.setAttribute("height", height * 2);
  const picture = new Image();
  picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(copy));
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: width * 2, height: height * 2 + 110 });
  const pen = canvas.getContext("2d");
  const ink = getComputedStyle(figure).color;
  pen.fillStyle = getComputedStyle(document.body).backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = ink;
  pen.font = "600 30px system-ui, sans-serif";
  pen.fillText(figure.querySelector("h3").innerText, 16, 44, canvas.width - 32);
  pen.font = "22px system-ui, sans-serif";
  pen.fillText(figure.querySelector("figcaption").innerText, 16, canvas.height - 20, canvas.width - 32);
  pen.drawImage(picture, 0, 60);
  const name = figure.querySelector("h3").innerText.replace(/[^\p{L}\p{N}]+/gu, "-");
  Object.assign(document.createElement("a"), { href: canvas.toDataURL("image/png"), download: `${name}.png` }).click();
});

// Labelling: a button, or its key while the card has the focus (WCAG 2.1.4); the place tells a second press apart.
function sendLabel(card, kind, label) {
  window.labelAnswer = [kind, label, card.dataset.at];
  document.getElementById("label-send").click();
}

function pressed(button) {
  const card = button.closest(".card");
  const { label, do: action } = button.dataset;
  if (button.hasAttribute("aria-pressed")) button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
  else if (action === "save") {
    const labels = [...card.querySelectorAll('[aria-pressed="true"]')].map((one) => one.dataset.label);
    sendLabel(card, "label", labels.join("|"));
  } else sendLabel(card, action ?? "label", label ?? "");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".card button");
  if (button) pressed(button);
});

document.addEventListener("keydown", (event) => {
  const card = event.target.closest?.(".card");
  if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
  const named = { s: "skip", S: "skip", Backspace: "undo" };
  if (event.target.tagName !== "BUTTON") named.Enter = "save";
  const button = named[event.key]
    ? card.querySelector(`[data-do="${named[event.key]}"]`)
    : card.querySelectorAll("[data-label]")[/^[1-9]$/.test(event.key) ? event.key - 1 : -1];
  if (!button) return;
  event.preventDefault();
  pressed(button);
});
