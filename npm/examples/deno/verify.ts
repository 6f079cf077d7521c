// Verifies an image: `deno run --allow-read --allow-env --allow-sys verify.ts busybox.tar`.
import { openImage } from "npm:portolan";

const image = await openImage(Deno.args[0]);
const findings = image.verify();
for (let step = await findings.next(); ; step = await findings.next()) {
  if (step.done) {
    console.log(`${step.value.bytes} bytes verified, ${step.value.errors} errors`);
    break;
  }
  console.log(`${step.value.code}: ${step.value.message}`);
}
await image.close();
