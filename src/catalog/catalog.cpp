#include "catalog/catalog.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace miraclemax::catalog {

namespace {

std::uint64_t stored_bytes(const Manifest& manifest) {
    std::uint64_t bytes = 0;
    for (const ComponentRecord& component : manifest.components) {
        bytes += component.archive.file.size + component.inventory.size + component.report.size;
    }
    return bytes;
}

Record read_record(const store::BackupFolder& folder, const std::string& id,
                   const std::optional<std::string>& latest) {
    Record record{.id = id, .manifest = std::nullopt, .trouble = {}, .stored = 0, .latest = latest == id};
    try {
        Manifest manifest =
            parse_manifest(stream::read_file(folder.path_of(id) / "manifest.json", longest_manifest));
        if (manifest.id != id) {
            throw Error(ExitCode::failed, fmt::format("its manifest is that of {}", manifest.id));
        }
        record.stored = stored_bytes(manifest);
        record.manifest = std::move(manifest);
    } catch (const Error& error) {
        record.trouble = error.what();
    }
    return record;
}

// When it ended, as text that sorts; for an unreadable one its name read as local time, the best there is.
std::string order_of(const Record& record) {
    if (record.manifest) {
        // Without the Z, "…:41" lies before "…:41.5".
        return record.manifest->ended_utc.substr(0, record.manifest->ended_utc.size() - 1);
    }
    const auto number = [&](std::size_t at, std::size_t length) {
        return std::stoi(record.id.substr(at, length));
    };
    std::tm local{};
    local.tm_year = number(0, 4) - 1900;
    local.tm_mon = number(4, 2) - 1;
    local.tm_mday = number(6, 2);
    local.tm_hour = number(9, 2);
    local.tm_min = number(11, 2);
    local.tm_sec = number(13, 2);
    local.tm_isdst = -1;
    const std::time_t time = std::mktime(&local);
    std::tm utc{};
    ::gmtime_r(&time, &utc);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}", utc);
}

const ComponentRecord* component_in(const Record& record, const std::string& name) {
    if (!record.manifest) {
        return nullptr;
    }
    const auto& all = record.manifest->components;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    return found == all.end() ? nullptr : &*found;
}

// Up to five ids: those that begin alike, the most alike first.
std::vector<std::string> near_ids(const std::string& wanted, std::vector<std::string> ids) {
    const auto alike = [&](const std::string& id) {
        const auto stop = std::mismatch(id.begin(), id.end(), wanted.begin(), wanted.end()).first;
        return stop - id.begin();
    };
    std::reverse(ids.begin(), ids.end());
    std::stable_sort(ids.begin(), ids.end(),
                     [&](const auto& a, const auto& b) { return alike(a) > alike(b); });
    ids.resize(std::min<std::size_t>(ids.size(), 5));
    return ids;
}

[[noreturn]] void throw_not_found(const std::string& id, const store::BackupFolder& folder) {
    const std::vector<std::string> near = near_ids(id, folder.ids());
    if (near.empty()) {
        throw Error(ExitCode::not_found, fmt::format("there is no backup in {} yet", folder.root().string()),
                    "run `miraclemax backup`");
    }
    const std::string what = id == "latest" ? "there is no complete backup that `latest` could name"
                                            : fmt::format("there is no backup '{}'", id);
    throw Error(ExitCode::not_found, what,
                fmt::format("there are: {}; `miraclemax list` shows all", fmt::join(near, ", ")));
}

} // namespace

Catalog::Catalog(const store::BackupFolder& folder) : folder_(folder) {}

std::vector<Record> Catalog::records() const {
    const std::optional<std::string> latest = folder_.latest();
    std::vector<std::pair<std::string, Record>> ordered;
    for (const std::string& id : folder_.ids()) {
        Record record = read_record(folder_, id, latest);
        std::string order = order_of(record);
        ordered.emplace_back(std::move(order), std::move(record));
    }
    // ids() is sorted by name, which decides between equals.
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Record> records;
    records.reserve(ordered.size());
    for (auto& [order, record] : ordered) {
        records.push_back(std::move(record));
    }
    return records;
}

Record Catalog::find(const std::string& id) const {
    const std::optional<std::string> latest = folder_.latest();
    const std::string wanted = id == "latest" ? latest.value_or("") : id;
    const std::vector<std::string> ids = folder_.ids();
    if (std::find(ids.begin(), ids.end(), wanted) == ids.end()) {
        throw_not_found(id, folder_);
    }
    return read_record(folder_, wanted, latest);
}

std::optional<std::string> Catalog::last_good(const std::string& component) const {
    const std::vector<Record> all = records();
    const auto found = std::find_if(all.rbegin(), all.rend(), [&](const Record& record) {
        const ComponentRecord* held = component_in(record, component);
        return held != nullptr && held->complete;
    });
    return found == all.rend() ? std::nullopt : std::optional(found->id);
}

std::optional<ComponentRecord> Catalog::last_of(const std::string& component) const {
    const std::vector<Record> all = records();
    for (auto record = all.rbegin(); record != all.rend(); ++record) {
        if (const ComponentRecord* held = component_in(*record, component)) {
            return *held;
        }
    }
    return std::nullopt;
}

} // namespace miraclemax::catalog
