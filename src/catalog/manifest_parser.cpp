#include "catalog/field.hpp"
#include "catalog/manifest.hpp"

#include "error.hpp"
#include "store/backup_folder.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include <fmt/format.h>

namespace miraclemax::catalog {

namespace {

constexpr int newest_version = 1;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           c == '-';
}

// What `.component` and `.category` allow.
std::string name_in(const Fields& fields, const char* field) {
    std::string name = fields.text(field);
    const bool good = !name.empty() && name.size() <= 64 && is_name_char(name[0]) && name[0] != '_' &&
                      name[0] != '.' && name[0] != '-' && std::all_of(name.begin(), name.end(), is_name_char);
    if (!good) {
        fields.refuse(field, "is no allowed name");
    }
    return name;
}

bool is_fingerprint(const std::string& text) {
    const auto is_hex = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    return (text.size() == 40 || text.size() == 64) && std::all_of(text.begin(), text.end(), is_hex);
}

// RFC 3339 in UTC: what backups are ordered by.
std::string utc_in(const Fields& fields, const char* field) {
    constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
    std::string time = fields.text(field);
    bool good = time.size() > shape.size() && time.back() == 'Z';
    for (std::size_t i = 0; good && i < shape.size(); ++i) {
        good = shape[i] == 'd' ? is_digit(time[i]) : time[i] == shape[i];
    }
    if (good && time.size() > shape.size() + 1) {
        good = time[shape.size()] == '.' && time.size() > shape.size() + 2 &&
               std::all_of(time.begin() + static_cast<std::ptrdiff_t>(shape.size()) + 1, time.end() - 1,
                           is_digit);
    }
    if (!good) {
        fields.refuse(field, "is no time in UTC like 2025-10-16T01:00:41Z");
    }
    return time;
}

// A path that stays within the backup, in a folder of it, and that SHA256SUMS can name as it is.
std::string path_in(const Fields& fields, const char* field) {
    std::string path = fields.text(field);
    std::string_view rest = path;
    bool good = !path.empty() && path.size() < 4096;
    while (good) {
        const std::size_t slash = rest.find('/');
        const std::string_view part = rest.substr(0, slash);
        good = !part.empty() && part != "." && part != ".." && part.size() <= 255 &&
               std::all_of(part.begin(), part.end(), [](char c) {
                   return static_cast<unsigned char>(c) >= ' ' && c != '\x7f' && c != '\\';
               });
        if (slash == std::string_view::npos) {
            break;
        }
        rest.remove_prefix(slash + 1);
    }
    if (!good) {
        fields.refuse(field, "is no path within the backup");
    }
    return path;
}

StoredFile stored_file(const Fields& fields) {
    return {
        .path = path_in(fields, "path"), .size = fields.count("size"), .sha256 = fields.hex("sha256", 64)};
}

// A file that a backup may be without: an empty path, and nothing said about it.
StoredFile stored_file_or_none(const Fields& fields) {
    return fields.text("path").empty() ? StoredFile{} : stored_file(fields);
}

Archive archive_of(const Fields& fields) {
    const Fields tar = fields.object("tar");
    Archive archive{.kind = fields.word("kind", {"base", "delta"}),
                    .base = fields.backup_id("base", true),
                    .compression = fields.word("compression", {"gzip", "zstd", "none"}),
                    .encryption = fields.word("encryption", {"openpgp", "passphrase", "none"}),
                    .recipients = fields.texts("recipients"),
                    .file = stored_file(fields.object("file")),
                    .tar_size = tar.count("size"),
                    .tar_sha256 = tar.hex("sha256", 64)};
    if (archive.base.empty() != (archive.kind == "base")) {
        fields.refuse("base", "does not fit the archive's kind");
    }
    if (!std::all_of(archive.recipients.begin(), archive.recipients.end(), is_fingerprint)) {
        fields.refuse("recipients", "holds something that is no full fingerprint");
    }
    return archive;
}

std::uint32_t mode_in(const Fields& fields, const char* field) {
    const std::string text = fields.text(field);
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    if (text.size() != 4 || !std::all_of(text.begin(), text.end(), is_octal)) {
        fields.refuse(field, "is no mode like 0755");
    }
    return static_cast<std::uint32_t>(std::stoul(text, nullptr, 8));
}

ContentSource source_of(const Fields& fields) {
    return {.kind = fields.word("kind", {"volume", "path"}),
            .path = fields.text("path"),
            .volume = fields.text("volume"),
            .driver = fields.text("driver"),
            .created_at = fields.text("created_at"),
            .labels = fields.texts_by_name("labels"),
            .options = fields.texts_by_name("options"),
            .uid = static_cast<std::uint32_t>(fields.count("uid", UINT32_MAX)),
            .gid = static_cast<std::uint32_t>(fields.count("gid", UINT32_MAX)),
            .mode = mode_in(fields, "mode")};
}

Entries entries_of(const Fields& fields) {
    return {.entries = fields.count("entries"),
            .files = fields.count("files"),
            .bytes = fields.count("bytes"),
            .changed = fields.count("changed"),
            .vanished = fields.count("vanished"),
            .unreadable = fields.count("unreadable"),
            .skipped = fields.count("skipped"),
            .elsewhere = fields.count("elsewhere"),
            .excluded = fields.count("excluded")};
}

Freeze freeze_of(const Fields& fields) {
    Freeze freeze{.group = fields.text("group"),
                  .consistent = fields.flag("consistent"),
                  .quiesce = fields.text("quiesce"),
                  .milliseconds = fields.milliseconds("milliseconds"),
                  .containers = {}};
    fields.each("containers", [&](const Fields& container) {
        freeze.containers.push_back({.name = container.text("name"),
                                     .id = container.text("id"),
                                     .how = container.word("how", {"pause", "stop", "none"}),
                                     .milliseconds = container.milliseconds("milliseconds")});
    });
    return freeze;
}

ComponentRecord component_of(const Fields& fields) {
    return {.name = name_in(fields, "name"),
            .category = name_in(fields, "category"),
            .priority = fields.word("priority", {"critical", "high", "medium", "low"}),
            .encryption = fields.word("encryption", {"required", "optional", "never"}),
            .optional = fields.flag("optional"),
            .complete = fields.flag("complete"),
            .source = source_of(fields.object("source")),
            .archive = archive_of(fields.object("archive")),
            .inventory = stored_file_or_none(fields.object("inventory")),
            .report = stored_file_or_none(fields.object("report")),
            .entries = entries_of(fields.object("entries")),
            .freeze = freeze_of(fields.object("freeze")),
            .worker = fields.text("worker"),
            .trusted_xattrs = fields.flag("trusted_xattrs"),
            .began = fields.text("began"),
            .ended = fields.text("ended")};
}

void refuse_twins(const Manifest& manifest) {
    std::set<std::string> names;
    std::set<std::string> paths;
    for (const ComponentRecord& component : manifest.components) {
        bool fresh = names.insert(component.name).second;
        for (const StoredFile* file : {&component.archive.file, &component.inventory, &component.report}) {
            fresh = fresh && (file->path.empty() || paths.insert(file->path).second);
        }
        if (!fresh) {
            throw Error(ExitCode::failed, "the manifest's component " + component.name +
                                              " has a name or file that another has too");
        }
    }
}

Manifest manifest_of(const Fields& fields) {
    const std::uint64_t version = fields.count("version");
    if (version > newest_version || version == 0) {
        throw Error(ExitCode::failed, fmt::format("the manifest's format version {} is unknown", version),
                    "use the miraclemax that made this backup, or a newer one; RESTORE.txt needs none");
    }
    Manifest manifest{.version = static_cast<int>(version),
                      .id = fields.backup_id("id"),
                      .host = fields.text("host"),
                      .instance = fields.text("instance"),
                      .tool = fields.text("tool"),
                      .began = fields.text("began"),
                      .ended = fields.text("ended"),
                      .ended_utc = utc_in(fields, "ended_utc"),
                      .podman = fields.text("podman"),
                      .complete = fields.flag("complete"),
                      .partial = fields.flag("partial"),
                      .components = {},
                      .failed = {},
                      .previous_id = {},
                      .previous_sha256 = {},
                      .signer = fields.text("signer")};
    fields.each("components", [&](const Fields& item) { manifest.components.push_back(component_of(item)); });
    fields.each("failed", [&](const Fields& item) {
        manifest.failed.push_back({.name = item.text("name"),
                                   .reason = item.text("reason"),
                                   .remedy = item.text("remedy"),
                                   .optional = item.flag("optional"),
                                   .last_good = item.backup_id("last_good", true)});
    });
    if (fields.has("signer_key")) {
        manifest.signer_key = fields.text("signer_key");
    }
    if (fields.has("restore_sha256") && !fields.text("restore_sha256").empty()) {
        manifest.restore_sha256 = fields.hex("restore_sha256", 64);
    }
    manifest.safety = fields.has("safety") && fields.flag("safety");
    const Fields previous = fields.object("previous");
    manifest.previous_id = previous.backup_id("id", true);
    if (!manifest.previous_id.empty()) {
        manifest.previous_sha256 = previous.hex("sha256", 64);
    }
    if (!manifest.signer.empty() && !is_fingerprint(manifest.signer)) {
        fields.refuse("signer", "is no full fingerprint");
    }
    refuse_twins(manifest);
    return manifest;
}

} // namespace

Manifest parse_manifest(const std::string& json) {
    const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, false);
    if (parsed.is_discarded()) {
        throw Error(ExitCode::failed, "the manifest is no valid JSON",
                    "compare its folder with another copy: sha256sum -c SHA256SUMS");
    }
    return manifest_of(Fields(parsed, ""));
}

} // namespace miraclemax::catalog
