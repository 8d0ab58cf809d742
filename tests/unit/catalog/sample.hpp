// A manifest with everything in it.
#pragma once

#include "catalog/manifest.hpp"

namespace miraclemax::test {

inline catalog::ComponentRecord sample_component(const std::string& name = "n8n",
                                                 const std::string& category = "databases") {
    const std::string stem = category + "/" + name;
    return {
        .name = name,
        .category = category,
        .priority = "high",
        .encryption = "required",
        .optional = false,
        .complete = true,
        .source = {.kind = "volume",
                   .path = "/var/lib/containers/storage/volumes/" + name + "-data/_data",
                   .volume = name + "-data",
                   .driver = "local",
                   .created_at = "2025-10-01T10:00:00+02:00",
                   .labels = {{"miraclemax.backup", "true"}, {"owner", "it's me"}},
                   .options = {},
                   .uid = 999,
                   .gid = 998,
                   .mode = 02750},
        .archive = {.kind = "base",
                    .base = {},
                    .compression = "gzip",
                    .encryption = "openpgp",
                    .recipients = {std::string(40, 'A')},
                    .file = {.path = stem + ".tar.gz.gpg", .size = 1234, .sha256 = std::string(64, 'a')},
                    .tar_size = 10240,
                    .tar_sha256 = std::string(64, 'b')},
        .inventory = {.path = stem + ".mtree.gz.gpg", .size = 99, .sha256 = std::string(64, 'c')},
        .report = {.path = stem + ".report.gz.gpg", .size = 9, .sha256 = std::string(64, 'd')},
        .entries = {.entries = 10,
                    .files = 7,
                    .bytes = 5000,
                    .changed = 1,
                    .vanished = 2,
                    .unreadable = 3,
                    .skipped = 4,
                    .elsewhere = 6,
                    .excluded = 5},
        .freeze = {.group = "n8n",
                   .consistent = true,
                   .quiesce = "auto",
                   .milliseconds = 48,
                   .containers =
                       {{.name = "n8n-app", .id = std::string(64, 'e'), .how = "pause", .milliseconds = 47}}},
        .worker = "child",
        .trusted_xattrs = true,
        .began = "2025-10-16T03:00:01+02:00",
        .ended = "2025-10-16T03:00:40+02:00"};
}

inline catalog::Manifest sample_manifest(const std::string& id = "20251016_030000") {
    return {.version = 1,
            .id = id,
            .host = "web1",
            .instance = "default",
            .tool = "miraclemax 0.1.0",
            .began = "2025-10-16T03:00:00+02:00",
            .ended = "2025-10-16T03:00:41+02:00",
            .ended_utc = "2025-10-16T01:00:41Z",
            .podman = "4.3.1",
            .complete = false,
            .partial = true,
            .components = {sample_component(), sample_component("web", "volumes")},
            .failed = {{.name = "mail",
                        .reason = "key has expired",
                        .remedy = "renew it",
                        .last_good = "20251015_030000"}},
            .previous_id = "20251015_030000",
            .previous_sha256 = std::string(64, 'f'),
            .signer = std::string(40, 'B'),
            .signer_key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n",
            .restore_sha256 = std::string(64, '9')};
}

} // namespace miraclemax::test
