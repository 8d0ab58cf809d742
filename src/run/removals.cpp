#include "run/removals.hpp"

#include "run/context.hpp"
#include "run/stored_files.hpp"
#include "stream/digest.hpp"
#include "stream/fault_point.hpp"
#include "stream/file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_manifest = std::size_t{64} << 20U;
constexpr const char* spare = ".spare";

void remove_file(const fs::path& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
        throw stream::write_error("remove", path, errno);
}

// What no file system makes smaller.
std::string ballast() {
    std::mt19937 engine; // NOLINT(cert-msc51-cpp): any bytes do
    std::string bytes(std::size_t{64} << 10U, '\0');
    for (auto& each : bytes)
        each = static_cast<char>(engine());
    return bytes;
}

} // namespace

void Removals::make_folder() const {
    const auto folder = removal_folder(folder_);
    if (::mkdir(folder.c_str(), 0700) == 0)
        stream::sync_folder(folder_.root());
    else if (errno != EEXIST)
        throw stream::write_error("create", folder, errno);
}

void Removals::prepare() {
    const auto folder = removal_folder(folder_);
    try {
        make_folder();
        std::error_code trouble;
        for (const auto& entry : fs::directory_iterator(folder, trouble))
            if (const auto name = entry.path().filename().string(); name.starts_with('.') && name != spare)
                remove_file(entry.path());
        if (!fs::exists(folder / spare, trouble))
            stream::replace_file(folder / spare, ballast());
    } catch (const Error&) { // whoever needs it is told then
        return;
    }
}

void Removals::write(const fs::path& file, const std::string& json, const std::string& signature) const {
    // The record counts once it is there itself: its signature comes first.
    if (signature.empty())
        remove_file(file.string() + ".sig");
    else
        stream::replace_file(file.string() + ".sig", signature);
    MIRACLEMAX_FAULT_POINT("removal.record");
    stream::replace_file(file, json);
}

void Removals::keep(catalog::RemovalRecord record) {
    record.instance = settings_.instance;
    record.tool = "miraclemax " MIRACLEMAX_VERSION;
    if (settings_.signing) {
        if (!key_)
            key_ = signing_key(settings_);
        record.signer = key_->fingerprint;
        record.signer_key = key_->armored;
    }
    const auto json = catalog::to_json(record);
    const auto signature = settings_.signing ? sign(settings_, key_->fingerprint, json) : std::string();
    const auto file = removal_file(folder_, record.id);
    make_folder();
    try {
        write(file, json, signature);
    } catch (const Error& error) {
        const auto last = removal_folder(folder_) / spare;
        if (error.code() != ExitCode::destination || ::unlink(last.c_str()) != 0)
            throw;
        stream::sync_folder(removal_folder(folder_));
        write(file, json, signature);
    }
    kept_[record.id] = stream::sha256_of(json);
}

std::string Removals::believed_record(const std::string& id, const std::string& manifest_sha256) {
    if (const auto kept = kept_.find(id); kept != kept_.end())
        return kept->second;
    if (!witness_)
        witness_.emplace(settings_, Trust{.signers = {}, .unsigned_is_fine = !settings_.signing});
    return Chain(folder_, *witness_).believed_record(id, manifest_sha256);
}

void Removals::record(const std::string& id, const std::string& reason, const std::string& run,
                      std::chrono::system_clock::time_point now) {
    const auto json = stream::read_file(folder_.path_of(id) / "manifest.json", longest_manifest);
    const auto manifest = catalog::parse_manifest(json);
    std::error_code trouble;
    std::string before;
    if (!manifest.previous_id.empty() && !fs::exists(folder_.path_of(manifest.previous_id), trouble))
        before = believed_record(manifest.previous_id, manifest.previous_sha256);
    keep({.id = id,
          .manifest_sha256 = stream::sha256_of(json),
          .previous_id = manifest.previous_id,
          .previous_sha256 = manifest.previous_sha256,
          .previous_record_sha256 = before,
          .removed_utc = utc_time(now),
          .reason = reason,
          .run = run,
          .instance = {},
          .tool = {},
          .signer = {},
          .signer_key = {}});
}

void Removals::forget(const std::string& id) {
    const auto file = removal_file(folder_, id);
    std::error_code trouble;
    if (!fs::exists(file, trouble) && !fs::exists(file.string() + ".sig", trouble))
        return;
    remove_file(file);
    remove_file(file.string() + ".sig");
    stream::sync_folder(removal_folder(folder_));
}

std::string Removals::sha256_named(const std::string& id) const {
    for (const auto& record : catalog::Catalog(folder_).records())
        if (record.manifest && record.manifest->previous_id == id)
            return record.manifest->previous_sha256;
    std::error_code trouble;
    for (const auto& entry : fs::directory_iterator(removal_folder(folder_), trouble)) {
        if (entry.path().extension() != ".json")
            continue;
        try {
            const auto json = read_stored(entry.path(), longest_removal_record);
            const auto record = catalog::parse_removal_record(json.value_or(""));
            if (record.previous_id == id)
                return record.previous_sha256;
        } catch (const Error&) { // verify names it
            continue;
        }
    }
    return {};
}

bool Removals::vouch(const std::string& id, const std::string& run,
                     std::chrono::system_clock::time_point now) {
    std::error_code trouble;
    if (fs::exists(folder_.path_of(id), trouble))
        throw Error(ExitCode::usage, "the backup " + id + " is there", "retention removes what is too old");
    const auto sha256 = sha256_named(id);
    if (sha256.empty())
        throw Error(ExitCode::not_found, "no backup says that " + id + " was before it",
                    "`miraclemax verify --all` names what is missing");
    if (!believed_record(id, sha256).empty())
        return false;
    keep({.id = id,
          .manifest_sha256 = sha256,
          .previous_known = false,
          .previous_id = {},
          .previous_sha256 = {},
          .previous_record_sha256 = {},
          .removed_utc = utc_time(now),
          .reason = "it was gone already, and somebody said that this is right",
          .run = run,
          .instance = {},
          .tool = {},
          .signer = {},
          .signer_key = {}});
    return true;
}

} // namespace miraclemax::run
