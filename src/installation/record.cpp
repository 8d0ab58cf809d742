#include "installation/record.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace miraclemax::installation {
namespace {

using nlohmann::json;

constexpr int version = 1;
constexpr std::size_t largest = std::size_t{1} << 20U;

Record parsed(const std::string& text) {
    const auto document = json::parse(text);
    const auto way = way_from(document.at("way").get<std::string>());
    if (document.at("version") != version || !way)
        throw Error(ExitCode::failed, "it is of another version of miraclemax");
    Record record{.way = *way, .deeds = {}, .reload = document.at("reload").get<std::vector<std::string>>()};
    for (const auto& each : document.at("made"))
        record.deeds.push_back({.kind = each.at("kind"),
                                .path = each.value("path", ""),
                                .sha256 = each.value("sha256", ""),
                                .what = each.value("what", ""),
                                .undo = each.value("undo", std::vector<std::string>{})});
    return record;
}

} // namespace

const Deed* Record::of(const std::filesystem::path& path) const {
    const auto found = std::find_if(deeds.begin(), deeds.end(),
                                    [&](const Deed& deed) { return !path.empty() && deed.path == path; });
    return found == deeds.end() ? nullptr : &*found;
}

void Record::add(Deed deed) {
    for (auto& each : deeds)
        if (each.kind == deed.kind && each.path == deed.path && each.undo == deed.undo) {
            each = std::move(deed);
            return;
        }
    deeds.push_back(std::move(deed));
}

std::optional<Record> read_record(const std::filesystem::path& file) {
    std::error_code trouble;
    if (!std::filesystem::exists(file, trouble))
        return std::nullopt;
    const std::string remedy = "repair it, or move it away and undo by hand what stands in it";
    try {
        return parsed(stream::read_file(file, largest));
    } catch (const Error& error) {
        throw Error(ExitCode::failed, file.string() + ": " + error.what(), remedy);
    } catch (const json::exception&) {
        throw Error(ExitCode::failed, file.string() + " is no record of an installation", remedy);
    }
}

void write_record(const std::filesystem::path& file, const Record& record) {
    json made = json::array();
    for (const auto& deed : record.deeds) {
        json one{{"kind", deed.kind}};
        if (!deed.path.empty())
            one["path"] = deed.path.string();
        if (!deed.sha256.empty())
            one["sha256"] = deed.sha256;
        if (!deed.what.empty())
            one["what"] = deed.what;
        if (!deed.undo.empty())
            one["undo"] = deed.undo;
        made.push_back(std::move(one));
    }
    const json document{
        {"version", version}, {"way", word(record.way)}, {"made", made}, {"reload", record.reload}};
    stream::replace_file(file, document.dump(2) + "\n");
}

} // namespace miraclemax::installation
