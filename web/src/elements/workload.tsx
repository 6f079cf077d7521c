/** The WebAssembly of an image: how it is packed, how it is called, what it needs and offers. */
import type { Image, Workload } from "portolan";
import { useCallback, useState } from "preact/hooks";
import { type Route, format } from "../route.ts";
import { shown } from "../text.ts";
import { Digest } from "./digest.tsx";
import { Facts } from "./facts.tsx";
import { Lazy } from "./lazy.tsx";
import { Loading, useAwaited } from "./loading.tsx";

export default function OfImage({ image, route }: { image: Image; route: Route }) {
  const found = useAwaited((signal) => image.wasm({ signal }), [image]);
  return (
    <Loading of={found} what="Looking for its WebAssembly">
      {(workload) => (workload === undefined ? <p class="note">It says that it is WebAssembly, and holds none that could be run.</p> : <Found of={workload} route={route} />)}
    </Loading>
  );
}

function Found({ of, route }: { of: Workload; route: Route }) {
  const { args, descriptor, env, files, form, kind, path, rootfs, warnings, workingDir } = of;
  const [isOpen, open] = useState(false);
  const bytes = useCallback((signal: AbortSignal) => of.bytes({ signal }), [of]);
  return (
    <>
      <Facts
        of={[
          ["Packed as", form],
          ["Kind", kind],
          ["Command line", args.length > 0 && <code>{shown(args.join(" "))}</code>],
          ["Working directory", workingDir && shown(workingDir)],
          ["Environment", env.length > 0 && env.map((variable) => <div key={variable}><code>{shown(variable)}</code></div>)],
          ["Its files", rootfs ? "those of the layers" : files.length > 0 ? files.map((file) => <div key={file.path}>{shown(file.path)}</div>) : "none"],
          ["Where it is", path !== undefined ? <a href={format({ ...route, view: "file", path })}>{shown(path)}</a> : descriptor && <Digest of={descriptor.digest} whole />, true],
        ]}
      />
      {warnings.map((warning) => <p class="note" key={warning}>{shown(warning)}</p>)}
      <details onToggle={(event) => event.currentTarget.open && open(true)}>
        <summary>What it needs and offers</summary>
        {isOpen && <Lazy of={() => import("./wasm.tsx")} props={{ of: bytes }} />}
      </details>
    </>
  );
}
