// A button on every block of code that takes it to the clipboard.
for (const block of document.querySelectorAll("main pre")) {
  const code = block.querySelector("code");
  if (!code || !navigator.clipboard) continue;
  block.tabIndex = 0;
  const frame = document.createElement("div");
  frame.className = "copied-from";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  block.replaceWith(frame);
  frame.append(block, button);
}
