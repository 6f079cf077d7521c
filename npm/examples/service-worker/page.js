const registration = await navigator.serviceWorker.register(new URL("./worker.js", import.meta.url), { type: "module" });
await navigator.serviceWorker.ready;
if (!navigator.serviceWorker.controller) await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
const response = await fetch("files/etc/os-release");
document.querySelector("#file").textContent = await response.text();
void registration;
