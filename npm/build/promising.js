export const promising = (exported) => exported;
