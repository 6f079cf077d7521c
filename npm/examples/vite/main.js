import { createWorkerPool, openImage } from "portolan";

const input = document.querySelector("#file");
const state = document.querySelector("#state");
const files = document.querySelector("#files");
const pool = createWorkerPool();

input.addEventListener("change", async () => {
  files.textContent = "";
  const [file] = input.files;
  try {
    const image = await openImage(file, { pool });
    state.textContent = `${image.layers.length} layers, ${image.descriptor.digest}`;
    const tree = await image.tree();
    for await (const node of tree.walk()) files.append(`${node.path || "/"}\n`);
    state.textContent += ", all verified";
    await image.close();
  } catch (error) {
    // Names in an image are hostile: text stays text.
    state.textContent = error.message;
  }
});
