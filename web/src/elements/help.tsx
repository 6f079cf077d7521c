import { useEffect, useRef } from "preact/hooks";

const KEYS: [string, string][] = [
  ["/", "look for a file"],
  ["↑ ↓", "go through the files"],
  ["→ ←", "open and close a directory"],
  ["Enter", "show a file, or open and close a directory"],
  ["Page, Home, End", "go further"],
  ["Esc", "close this"],
  ["?", "show this"],
];

/** The keys, in a dialog that the browser keeps the focus in. */
export function Help({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="help">
      <h2 id="help">Keys</h2>
      <dl class="keys">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt><kbd>{key}</kbd></dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p>Every view has a URL of its own: back, forward and bookmarks work. What you open stays in this page; nothing is sent anywhere.</p>
      <button type="button" onClick={() => dialog.current?.close()}>Close</button>
    </dialog>
  );
}
