/** Hands bytes to the person as a file. They are never opened in this page. */
export function save(name: string, bytes: Blob) {
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/[^\w.+@-]+/g, "_") || "file";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A button that saves bytes that are at hand. */
export function Save({ name, bytes, children }: { name: string; bytes: Uint8Array; children: string }) {
  return <button type="button" onClick={() => save(name, new Blob([bytes.slice()]))}>{children}</button>;
}
