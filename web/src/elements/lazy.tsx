import type { ComponentType } from "preact";
import { Loading, useAwaited } from "./loading.tsx";

/** Something that is seldom shown, and fetched when it is. */
export function Lazy<P extends object>({ of, props }: { of: () => Promise<{ default: ComponentType<P> }>; props: P }) {
  const module = useAwaited(of, []);
  return <Loading of={module} what="Getting ready">{({ default: Draw }) => <Draw {...props} />}</Loading>;
}
