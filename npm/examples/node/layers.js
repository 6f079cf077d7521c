// The layers of an image, what each changed, and what could be saved: `node layers.js busybox.tar`.
import { openImage } from "portolan";

const image = await openImage(process.argv[2]);
try {
  const tree = await image.tree();
  for (const [index, size] of (await tree.layerSizes()).entries()) {
    const { digest } = image.layers[index];
    console.log(`layer ${index} ${digest}: ${size.entries} entries, +${size.added} ~${size.modified} -${size.removed}`);
  }
  const { wastedBytes, totalBytes } = await image.waste();
  console.log(`${wastedBytes} of ${totalBytes} bytes could be saved`);
} finally {
  await image.close();
}
