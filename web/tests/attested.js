// @ts-check
/** An image for two platforms with what others say of it. */
import { Layout, MEDIA } from "../../npm/tests/blobs.js";
import { file } from "../../npm/tests/tar.js";
import { MARKUP } from "./images.js";

/** What BuildKit says of the packages: SPDX. */
const spdx = {
  _type: "https://in-toto.io/Statement/v0.1",
  predicateType: "https://spdx.dev/Document",
  subject: [{ name: "pkg:docker/harbour@1.0", digest: { sha256: "ab".repeat(32) } }],
  predicate: {
    spdxVersion: "SPDX-2.3",
    name: "sbom",
    creationInfo: { created: "2024-01-01T00:00:00Z", creators: ["Tool: syft"] },
    packages: [
      { name: "tzdata", versionInfo: "2025b", licenseDeclared: "NOASSERTION", licenseConcluded: "public-domain", externalRefs: [{ referenceType: "purl", referenceLocator: "pkg:deb/debian/tzdata@2025b" }] },
      { name: MARKUP, versionInfo: "1\u202e2", licenseDeclared: "MIT" },
      ...Array.from({ length: 1000 }, (_, at) => ({ name: `lib${at}`, versionInfo: `${at}.0`, licenseDeclared: "Apache-2.0" })),
      { name: 7, versionInfo: { deep: true }, externalRefs: "no list" },
    ],
  },
};

/** How it was built: SLSA provenance 1. */
const provenance = {
  _type: "https://in-toto.io/Statement/v1",
  predicateType: "https://slsa.dev/provenance/v1",
  subject: [],
  predicate: {
    buildDefinition: { buildType: "https://mobyproject.org/buildkit@v1", externalParameters: { configSource: { uri: "https://example.org/harbour.git", path: "Dockerfile" } }, resolvedDependencies: [{ uri: "pkg:docker/debian@12", digest: { sha256: "cd".repeat(32) } }] },
    runDetails: { builder: { id: "https://example.org/builder" }, metadata: { startedOn: "2024-01-01T00:00:00Z" } },
  },
};

const cyclonedx = {
  _type: "https://in-toto.io/Statement/v1",
  predicateType: "https://cyclonedx.org/bom",
  subject: [],
  predicate: { bomFormat: "CycloneDX", specVersion: "1.5", metadata: { component: { name: "harbour", version: "1.0" } }, components: [{ group: "org.example", name: "quay", version: "2.1", licenses: [{ license: { id: "ISC" } }], purl: "pkg:npm/quay@2.1", components: [{ name: "crane", licenses: [{ expression: "MIT OR ISC" }] }] }] },
};

export function attested() {
  const layout = new Layout();
  const [amd64, arm64] = ["linux/amd64", "linux/arm64"].map((platform) => layout.image({ platform, layers: [[file("etc/platform", platform)]] }));
  const statements = [spdx, provenance].map((statement) => ({ ...layout.json("application/vnd.in-toto+json", statement), annotations: { "in-toto.io/predicate-type": statement.predicateType } }));
  const config = layout.json(MEDIA.config, { architecture: "unknown", os: "unknown", config: {}, rootfs: { type: "layers", diff_ids: statements.map(({ digest }) => digest) } });
  const attestation = {
    ...layout.json(MEDIA.manifest, { schemaVersion: 2, mediaType: MEDIA.manifest, config, layers: statements }),
    platform: { os: "unknown", architecture: "unknown" },
    annotations: { "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": amd64?.digest },
  };
  const index = layout.index([amd64, arm64, attestation].map((it) => /** @type {object} */ (it)));
  const empty = layout.json("application/vnd.oci.empty.v1+json", {});
  const refer = (/** @type {any} */ { mediaType, digest, size }, /** @type {string} */ artifactType, /** @type {unknown} */ value) => {
    const layers = [layout.json(artifactType, value)];
    return layout.json(MEDIA.manifest, { schemaVersion: 2, mediaType: MEDIA.manifest, artifactType, config: empty, layers, subject: { mediaType, digest, size } });
  };
  const envelope = { payloadType: "application/vnd.in-toto+json", payload: Buffer.from(JSON.stringify(cyclonedx)).toString("base64"), signatures: [{ keyid: "harbour-key", sig: "AAAA" }] };
  layout.tag(index, "1.0").tag(refer(amd64, "application/vnd.dsse.envelope.v1+json", envelope)).tag(refer(index, "application/vnd.example.note+json", { note: MARKUP, payload: "not base64 *", signatures: 7 }));
  return layout.archive();
}
