/** Looking for files as people remember their paths: the best first, instead of a tree. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Asked, type Item, fitting } from "./files.ts";
import { search } from "./lens.ts";

/** How many are shown. */
export const MOST = 500;

interface Best {
  rows: Item[];
  total: number;
  /** Whether other letters are being looked for than those of the rows. */
  isWaiting: boolean;
}

export function useBest(items: Item[], { query = "", kind, change, size }: Asked, isWanted: boolean): Best {
  const [best, find] = useState<{ among: Item[]; query: string; rows: Item[]; total: number }>();
  const among = useMemo(() => (isWanted ? items.filter(fitting({ kind, change, size })) : []), [items, kind, change, size, isWanted]);
  const paths = useMemo(() => among.map(({ path }) => path), [among]);
  useEffect(() => {
    if (!isWanted) return;
    let isLast = true;
    const rowsOf = async () => {
      const found = await search(paths, query, MOST);
      if (!isLast) return;
      const rows = found.best.flatMap(({ index, marks }) => {
        const { isOpen: _, ...item } = among[index] ?? {};
        return among[index] ? [{ ...(item as Item), depth: 0, marks }] : [];
      });
      find({ among, query, rows, total: found.total });
    };
    rowsOf().catch(() => isLast && find({ among, query, rows: [], total: 0 }));
    return () => {
      isLast = false;
    };
  }, [among, paths, query, isWanted]);
  const isThere = isWanted && best?.among === among;
  return { rows: isThere ? best.rows : [], total: isThere ? best.total : 0, isWaiting: isWanted && !(isThere && best.query === query) };
}
