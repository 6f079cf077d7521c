/**
 * What documents that are attached to images say: in-toto statements with SLSA provenance, SPDX and CycloneDX. They are read
 * for a person; nothing is believed, and no signature is looked at.
 */

/** A package that an SBOM lists. */
export interface Package {
  name: string;
  version: string;
  licence: string;
  purl: string;
}

/** A document as far as it is understood. */
export interface Said {
  /** What it is, for a person. */
  kind: string;
  /** What it says once, in the order that a person wants it. */
  facts: [name: string, value: string][];
  /** What a statement is about, with digests. */
  subjects: [name: string, digest: string][];
  /** What a build was made of, with digests. */
  materials: [name: string, digest: string][];
  packages: Package[];
  /** Whether there is more of anything than is listed. */
  isCut: boolean;
}

/** How much of each list is kept. */
const MOST = 50_000;
const TEXT = 2_000;
const DEEPEST = 8;

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {});
const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.slice(0, MOST).map(fields) : []);
const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, TEXT) : typeof value === "number" || typeof value === "boolean" ? String(value) : "");
const digests = (value: unknown): string => Object.entries(fields(value)).map(([algorithm, digest]) => `${algorithm}:${text(digest)}`).join(" ").slice(0, TEXT);

/** Reads a document of JSON. Fails with a `SyntaxError` when it is none. */
export function understand(bytes: Uint8Array): Said {
  return said(fields(JSON.parse(new TextDecoder().decode(bytes))), 0);
}

function said(document: Fields, depth: number): Said {
  const envelope = fields(document.dsseEnvelope ?? document);
  if (typeof envelope.payload === "string" && depth < DEEPEST) {
    const payload = Uint8Array.from(atob(envelope.payload), (letter) => letter.charCodeAt(0));
    const inner = said(fields(JSON.parse(new TextDecoder().decode(payload))), depth + 1);
    const keys = list(envelope.signatures).map(({ keyid }) => text(keyid) || "a key that is not named");
    return { ...inner, kind: `${inner.kind}, in a signed envelope`, facts: [["Signed by", `${keys.join(", ") || "nobody"}; not checked here`], ...inner.facts] };
  }
  if (typeof document.predicateType === "string" && depth < DEEPEST) return statement(document, depth);
  if (typeof document.spdxVersion === "string") return spdx(document);
  if (document.bomFormat === "CycloneDX") return cyclonedx(document);
  return made("document");
}

function made(kind: string, more: Partial<Said> = {}): Said {
  const { facts = [], packages = [], subjects = [], materials = [] } = more;
  const isCut = [packages, subjects, materials].some(({ length }) => length >= MOST);
  return { kind, facts: facts.filter(([, value]) => value !== ""), subjects, materials, packages, isCut };
}

function statement(document: Fields, depth: number): Said {
  const predicateType = text(document.predicateType);
  const predicate = fields(document.predicate);
  // Older tools hand the document over as text in text.
  const within = fields(typeof predicate.Data === "string" ? parsed(predicate.Data) : predicate);
  const inner = /slsa\.dev\/provenance/.test(predicateType) ? provenance(within) : said(within, depth + 1);
  const subjects = list(document.subject).map(({ name, digest }): [string, string] => [text(name), digests(digest)]);
  const kind = inner.kind === "document" ? "in-toto statement" : `in-toto statement: ${inner.kind}`;
  return { ...inner, kind, subjects, facts: [["Predicate type", predicateType], ["Statement", text(document._type)], ...inner.facts] };
}

function parsed(document: string): unknown {
  try {
    return JSON.parse(document);
  } catch {
    return undefined;
  }
}

/** SLSA provenance of versions 0.2 and 1. */
function provenance(predicate: Fields): Said {
  const [definition, details] = [fields(predicate.buildDefinition), fields(predicate.runDetails)];
  const source = fields(fields(predicate.invocation).configSource);
  const parameters = fields(fields(definition.externalParameters).configSource);
  const metadata = { ...fields(predicate.metadata), ...fields(details.metadata) };
  const made_ = list(predicate.materials ?? definition.resolvedDependencies);
  return made("SLSA provenance", {
    facts: [
      ["Builder", text(fields(predicate.builder).id) || text(fields(details.builder).id)],
      ["Build type", text(predicate.buildType) || text(definition.buildType)],
      ["Source", text(source.uri) || text(parameters.uri)],
      ["Entry point", text(source.entryPoint) || text(parameters.path)],
      ["Invocation", text(metadata.buildInvocationID) || text(metadata.invocationId)],
      ["Started", text(metadata.buildStartedOn) || text(metadata.startedOn)],
      ["Finished", text(metadata.buildFinishedOn) || text(metadata.finishedOn)],
      ["Reproducible", text(metadata.reproducible)],
    ],
    materials: made_.map(({ uri, name, digest }) => [text(uri) || text(name), digests(digest)]),
  });
}

/** What SPDX says where nobody knows. */
const known = (licence: unknown) => (licence === "NOASSERTION" || licence === "NONE" ? "" : text(licence));

function spdx(document: Fields): Said {
  const creation = fields(document.creationInfo);
  const creators = Array.isArray(creation.creators) ? creation.creators.slice(0, 20).map(text).join(", ") : "";
  return made(`SPDX, ${text(document.spdxVersion)}`, {
    facts: [["Name", text(document.name)], ["Namespace", text(document.documentNamespace)], ["Created", text(creation.created)], ["By", creators]],
    packages: list(document.packages).map(({ name, versionInfo, licenseDeclared, licenseConcluded, externalRefs }) => ({
      name: text(name),
      version: text(versionInfo),
      licence: known(licenseDeclared) || known(licenseConcluded),
      purl: text(list(externalRefs).find(({ referenceType }) => referenceType === "purl")?.referenceLocator),
    })),
  });
}

function cyclonedx(document: Fields): Said {
  const metadata = fields(document.metadata);
  const about = fields(metadata.component);
  const tools = Array.isArray(metadata.tools) ? list(metadata.tools) : list(fields(metadata.tools).components);
  const packages: Package[] = [];
  const gather = (components: unknown, depth: number) => {
    for (const { group, name, version, licenses, purl, components: inner } of list(components)) {
      if (packages.length >= MOST) return;
      packages.push({ name: [text(group), text(name)].filter(Boolean).join("/"), version: text(version), licence: list(licenses).map(licenceOf).filter(Boolean).join(", "), purl: text(purl) });
      if (depth < DEEPEST) gather(inner, depth + 1);
    }
  };
  gather(document.components, 0);
  return made(`CycloneDX ${text(document.specVersion)}`, {
    facts: [["Of", [text(about.name), text(about.version)].filter(Boolean).join(" ")], ["Created", text(metadata.timestamp)], ["By", tools.map(({ name, version }) => `${text(name)} ${text(version)}`.trim()).join(", ")], ["Serial number", text(document.serialNumber)]],
    packages,
  });
}

function licenceOf({ expression, license }: Fields): string {
  const { id, name } = fields(license);
  return text(expression) || text(id) || text(name);
}
