#include "catalog/proofs.hpp"

#include "error.hpp"
#include "store/backup_folder.hpp"
#include "stream/file.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <system_error>

namespace miraclemax::catalog {
namespace {

using nlohmann::json;

constexpr std::size_t longest_proof = std::size_t{16} << 20U;

std::filesystem::path file_of(const std::filesystem::path& folder, const std::string& id) {
    if (!store::is_backup_id(id))
        throw Error(ExitCode::failed, "'" + id + "' is not a backup's id");
    return folder / (id + ".json");
}

void make_folder(const std::filesystem::path& folder) {
    std::error_code ignored; // told by the next call
    std::filesystem::create_directories(folder.parent_path(), ignored);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw stream::write_error("create", folder, errno);
}

Proof parsed(const std::string& text) {
    const json whole = json::parse(text);
    Proof proof{.examined = whole.at("examined").get<std::string>(),
                .examined_trouble = whole.at("examined_trouble").get<std::string>(),
                .components = {}};
    proof.files_at = whole.value("files_at", "");
    proof.damaged = whole.value("damaged", std::set<std::string>{});
    for (const auto& [name, each] : whole.at("components").items())
        proof.components[name] = {.at = each.at("at").get<std::string>(),
                                  .trouble = each.at("trouble").get<std::string>()};
    return proof;
}

} // namespace

Proofs::Proofs(std::filesystem::path folder) : folder_(std::move(folder)) {}

std::optional<Proof> Proofs::of(const std::string& id) const {
    try {
        return parsed(stream::read_file(file_of(folder_, id), longest_proof));
    } catch (const Error&) {
        return std::nullopt;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

void Proofs::keep(const std::string& id, const Proof& proof) {
    const auto file = file_of(folder_, id);
    make_folder(folder_);
    json components = json::object();
    for (const auto& [name, each] : proof.components)
        components[name] = {{"at", each.at}, {"trouble", each.trouble}};
    const json whole{{"examined", proof.examined},
                     {"examined_trouble", proof.examined_trouble},
                     {"files_at", proof.files_at},
                     {"damaged", proof.damaged},
                     {"components", std::move(components)}};
    try {
        stream::replace_file(file, whole.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
    } catch (const Error& error) {
        throw Error(ExitCode::failed, "the proof of " + id + " can't be kept: " + error.what(),
                    error.remedy());
    }
}

void Proofs::forget(const std::string& id) {
    std::error_code trouble;
    std::filesystem::remove(file_of(folder_, id), trouble);
    if (trouble && trouble != std::errc::no_such_file_or_directory)
        throw Error(ExitCode::failed, "the proof of " + id + " can't be removed: " + trouble.message());
}

} // namespace miraclemax::catalog
