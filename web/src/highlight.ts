/** The parts of a text in a common language that are worth a colour. A few rules for each: this is for reading, and no parser. */

export type Part = "comment" | "string" | "number" | "keyword" | "key";

/** Languages are made of these, tried in this order. Strings and comments end with the text at the latest, so that no text takes long. */
const RULES = {
  /** `#` at the start of a word, as shells want it. */
  hash: String.raw`(?<comment>(?<![^\s;(])#[^\n]*)`,
  semicolon: String.raw`(?<comment>(?<![^\n])[ \t]*[#;][^\n]*)`,
  slashes: String.raw`(?<comment>\/\/[^\n]*|\/\*[^]*?(?:\*\/|$))`,
  dashes: String.raw`(?<comment>--[^\n]*)`,
  markup: String.raw`(?<comment><!--[^]*?(?:-->|$))`,
  triple: String.raw`(?<string>"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)`,
  double: String.raw`(?<string>"(?:[^"\\\n]|\\.)*"?)`,
  quotes: String.raw`(?<string>"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)`,
  shell: String.raw`(?<string>"(?:[^"\\]|\\[^]?)*(?:"|$)|'[^']*(?:'|$))`,
  backquotes: String.raw`(?<string>"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|${"`"}(?:[^${"`"}\\]|\\[^]?)*(?:${"`"}|$))`,
  member: String.raw`(?<key>"(?:[^"\\\n]|\\.)*"(?=[ \t]*:))`,
  variable: String.raw`(?<key>\$(?:\w+|\{[^}\n]*\}?))`,
  label: String.raw`(?<key>(?<![^\n])[ \t]*(?:- +)?[\w.\/-]+(?=[ \t]*:(?:\s|$)))`,
  setting: String.raw`(?<key>(?<![^\n])(?:[ \t]*[\w."-]+(?=[ \t]*=)|[ \t]*\[[^\]\n]*\]))`,
  tag: String.raw`(?<keyword><\/?[\w:-]+|\/?>)`,
  number: String.raw`(?<number>(?<![\w.])(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)(?!\w))`,
};

type Rule = keyof typeof RULES;

interface Language {
  rules: Rule[];
  keywords?: string;
  /** Whether its keywords stand at the start of a line alone. */
  leading?: boolean;
}

const C: Language = {
  rules: ["slashes", "quotes", "number"],
  keywords: "abstract as async auto await bool boolean break case catch chan char class const continue crate default defer do double dyn else enum extends extern false final float fn for func go goto if impl implements import in int interface internal let long loop map match mod mut namespace new nil null nullptr override package private protected pub public return select self short signed sizeof static struct super switch template this throw throws trait true try type typedef typename union unsafe unsigned use using val var virtual void volatile where while",
};

const LANGUAGES: Record<string, Language> = {
  json: { rules: ["member", "double", "slashes", "number"], keywords: "true false null" },
  shell: { rules: ["hash", "shell", "variable", "number"], keywords: "if then elif else fi for in do done while until case esac function return exit local export readonly set unset shift trap exec eval source" },
  python: { rules: ["hash", "triple", "number"], keywords: "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield" },
  script: { rules: ["slashes", "backquotes", "number"], keywords: "as async await break case catch class const continue debugger default delete do else enum export extends false finally for from function if implements import in instanceof interface let new null of return static super switch this throw true try type typeof undefined var void while with yield" },
  c: C,
  ruby: { rules: ["hash", "quotes", "number"], keywords: "alias and begin break case class def do else elsif end ensure false for if in module my next nil not or our package redo require rescue retry return self sub super then true undef unless until use when while yield" },
  lua: { rules: ["dashes", "quotes", "number"], keywords: "and break do else elseif end false for function goto if in local nil not or repeat return then true until while select from where insert into values update set delete create table order by SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE" },
  yaml: { rules: ["hash", "label", "quotes", "number"], keywords: "true false null yes no" },
  settings: { rules: ["semicolon", "hash", "setting", "triple", "number"], keywords: "true false" },
  docker: { rules: ["hash", "quotes", "variable"], keywords: "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR", leading: true },
  make: { rules: ["hash", "label", "variable", "quotes"], keywords: "ifeq ifneq ifdef ifndef else endif include define endef export" },
  markup: { rules: ["markup", "tag", "quotes"] },
  style: { rules: ["slashes", "quotes", "number"] },
};

const ENDINGS: Record<string, string> = {
  json: "json", jsonc: "json", map: "json", spdx: "json", sh: "shell", bash: "shell", zsh: "shell", profile: "shell", bashrc: "shell", preinst: "shell", postinst: "shell", prerm: "shell", postrm: "shell",
  py: "python", pyi: "python", js: "script", mjs: "script", cjs: "script", jsx: "script", ts: "script", tsx: "script",
  c: "c", h: "c", cc: "c", cpp: "c", hpp: "c", cs: "c", go: "c", java: "c", kt: "c", php: "c", rs: "c", swift: "c", scala: "c", wit: "c", proto: "c",
  rb: "ruby", pl: "ruby", pm: "ruby", lua: "lua", sql: "lua", yml: "yaml", yaml: "yaml", toml: "settings", ini: "settings", cfg: "settings", conf: "settings", cnf: "settings", service: "settings", socket: "settings", desktop: "settings", properties: "settings", env: "settings", "os-release": "settings", "lsb-release": "settings",
  dockerfile: "docker", containerfile: "docker", makefile: "make", mk: "make", html: "markup", htm: "markup", xml: "markup", svg: "markup", xhtml: "markup", css: "style", scss: "style",
};

const PROGRAMS: [RegExp, string][] = [[/\b(ba|da|z|k|a)?sh\b/, "shell"], [/python/, "python"], [/node|deno|bun/, "script"], [/perl|ruby/, "ruby"], [/lua/, "lua"], [/make/, "make"]];

/** What a text is written in, by the name of its file or the program that its first line asks for; nothing where neither says. */
export function languageOf(path: string, text: string): string | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase().replace(/^\./, "");
  const ending = name.slice(name.lastIndexOf(".") + 1);
  const byName = ENDINGS[name] ?? ENDINGS[ending] ?? ENDINGS[name.slice(0, Math.max(0, name.indexOf(".")))];
  if (byName) return byName;
  const [, program] = /^#!([^\n]{1,200})/.exec(text) ?? [];
  return program && PROGRAMS.find(([pattern]) => pattern.test(program))?.[1];
}

function pattern({ rules, keywords, leading }: Language): RegExp {
  const words = keywords && `(?<keyword>${leading ? "(?<![^\\n])[ \\t]*" : "(?<![\\w.$-])"}(?:${keywords.replaceAll(" ", "|")})(?![\\w-]))`;
  return new RegExp([...rules.map((rule) => RULES[rule]), ...(words ? [words] : [])].join("|").replace(/\(\?<(comment|string|number|keyword|key)>/g, "("), "g");
}

/** The parts of a text in their order: those that are something, and the text between them. */
export function parts(text: string, language: string): [part: Part | undefined, text: string][] {
  const spoken = LANGUAGES[language];
  if (!spoken) return [[undefined, text]];
  // One group a rule, in their order.
  const kinds = [...spoken.rules.map((rule) => /\(\?<(\w+)>/.exec(RULES[rule])?.[1] as Part), "keyword" as const];
  const found: [Part | undefined, string][] = [];
  let end = 0;
  for (const match of text.matchAll(pattern(spoken))) {
    if (match.index > end) found.push([undefined, text.slice(end, match.index)]);
    found.push([kinds[match.slice(1).findIndex((group) => group !== undefined)], match[0]]);
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push([undefined, text.slice(end)]);
  return found;
}
