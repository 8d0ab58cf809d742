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

std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code trouble;
    fs::directory_iterator at(folder, trouble);
    for (const fs::directory_iterator end; !trouble && at != end; at.increment(trouble))
        files.push_back(at->path());
    return files;
}

void Removals::make_folder() const {
    const auto folder = removal_folder(folder_);
    if (::mkdir(folder.c_str(), 0700) == 0)
        stream::sync_folder(folder_.root());
    else if (errno != EEXIST)
        throw stream::write_error("create", folder, errno);
    stream::demand_folder(folder);
}

void Removals::prepare() {
    const auto folder = removal_folder(folder_);
    try {
        make_folder();
        for (const auto& file : files_in(folder))
            if (const auto name = file.filename().string(); name.starts_with('.') && name != spare)
                remove_file(file);
        std::error_code trouble;
        if (!fs::exists(folder / spare, trouble))
            stream::replace_file(folder / spare, ballast());
    } catch (const Error&) { // whoever needs it is told then
        return;
    }
}

// The record counts once it is there itself: its signature comes first.
void write_record(const fs::path& file, const std::string& json, const std::string& signature) {
    if (signature.empty())
        remove_file(file.string() + ".sig");
    else
        stream::replace_file(file.string() + ".sig", signature);
    MIRACLEMAX_FAULT_POINT("removal.record");
    stream::replace_file(file, json);
}

void Removals::sign_and_write(catalog::RemovalRecord record) {
    if (settings_.signing) {
        if (!key_)
            key_ = signing_key(settings_);
        record.signer = key_->fingerprint;
        record.signer_key = key_->armored;
    }
    const auto json = catalog::to_json(record);
    const auto signature = settings_.signing ? sign(settings_, key_->fingerprint, json) : std::string();
    write_record(removal_file(folder_, record.id), json, signature);
    kept_[record.id] = stream::sha256_of(json);
}

void Removals::keep(catalog::RemovalRecord record) {
    record.instance = settings_.instance;
    record.tool = "miraclemax " MIRACLEMAX_VERSION;
    make_folder();
    try {
        sign_and_write(record);
    } catch (const Error&) { // on a full disk also gpg, whose home may lie there, says all sorts of things
        if (::unlink((removal_folder(folder_) / spare).c_str()) != 0)
            throw;
        stream::sync_folder(removal_folder(folder_));
        sign_and_write(record);
    }
}

std::string Removals::believed_record(const std::string& id, const std::string& manifest_sha256) {
    if (const auto kept = kept_.find(id); kept != kept_.end())
        return kept->second;
    return Chain(folder_, witness()).believed_record(id, manifest_sha256);
}

const Witness& Removals::witness() {
    if (!witness_)
        witness_.emplace(settings_, Trust{.signers = {}, .unsigned_is_fine = !settings_.signing});
    return *witness_;
}

std::string Removals::doubt_about(const std::string& id, const catalog::Manifest& manifest,
                                  const std::string& json) {
    if (manifest.id != id)
        return "manifest.json is that of the backup " + manifest.id;
    const auto signature = read_stored(folder_.path_of(id) / "manifest.json.sig", longest_signature);
    const auto testimony = witness().hear({.noun = "manifest",
                                           .file = "manifest.json",
                                           .bytes = json,
                                           .signature = signature,
                                           .signer = manifest.signer,
                                           .signer_key = manifest.signer_key});
    return testimony.what.empty() ? "" : testimony.where + " " + testimony.what;
}

void Removals::record(const std::string& id, const std::string& reason, const std::string& run,
                      std::chrono::system_clock::time_point now) {
    const auto json = stream::read_file(folder_.path_of(id) / "manifest.json", catalog::longest_manifest);
    const auto manifest = catalog::parse_manifest(json);
    catalog::RemovalRecord record{.id = id,
                                  .manifest_sha256 = stream::sha256_of(json),
                                  .doubt = doubt_about(id, manifest, json),
                                  .removed_utc = utc_time(now),
                                  .reason = reason,
                                  .run = run};
    record.previous_known = record.doubt.empty();
    if (record.previous_known) {
        record.previous_id = manifest.previous_id;
        record.previous_sha256 = manifest.previous_sha256;
        std::error_code trouble;
        if (!record.previous_id.empty() && !fs::exists(folder_.path_of(record.previous_id), trouble))
            record.previous_record_sha256 = believed_record(record.previous_id, record.previous_sha256);
    }
    keep(record);
    if (!record.previous_known)
        kept_.erase(id); // nobody is to build on it
}

void Removals::forget(const std::string& id) {
    const auto file = removal_file(folder_, id);
    std::error_code trouble;
    if (!fs::exists(file, trouble) && !fs::exists(file.string() + ".sig", trouble))
        return;
    stream::demand_folder(removal_folder(folder_));
    remove_file(file);
    remove_file(file.string() + ".sig");
    stream::sync_folder(removal_folder(folder_));
}

std::string Removals::sha256_named(const std::string& id) const {
    for (const auto& record : catalog::Catalog(folder_).records())
        if (record.manifest && record.manifest->previous_id == id)
            return record.manifest->previous_sha256;
    for (const auto& file : files_in(removal_folder(folder_))) {
        if (file.extension() != ".json")
            continue;
        try {
            const auto json = read_stored(file, longest_removal_record);
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
          .removed_utc = utc_time(now),
          .reason = "it was gone already, and somebody said that this is right",
          .run = run});
    return true;
}

} // namespace miraclemax::run
