#include "catalog/run_record.hpp"

#include "stream/file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include <sys/stat.h>

namespace miraclemax::catalog {
namespace {

using Json = nlohmann::json;
constexpr std::size_t longest = std::size_t{4} << 20U;

Json of(const RunComponent& each) {
    return {{"name", each.name},      {"ok", each.ok},
            {"reason", each.reason},  {"freeze_milliseconds", each.freeze_milliseconds},
            {"bytes", each.bytes},    {"stored", each.stored},
            {"files", each.files},    {"skipped", each.skipped},
            {"changed", each.changed}};
}

RunComponent to_component(const Json& json) {
    return {.name = json.at("name").get<std::string>(),
            .ok = json.at("ok").get<bool>(),
            .reason = json.at("reason").get<std::string>(),
            .freeze_milliseconds = json.at("freeze_milliseconds").get<std::int64_t>(),
            .bytes = json.at("bytes").get<std::uint64_t>(),
            .stored = json.at("stored").get<std::uint64_t>(),
            .files = json.at("files").get<std::uint64_t>(),
            .skipped = json.at("skipped").get<std::uint64_t>(),
            .changed = json.at("changed").get<std::uint64_t>()};
}

Json of(const RunRecord& record) {
    auto components = Json::array();
    for (const auto& each : record.components)
        components.push_back(of(each));
    return {{"run", record.run},
            {"kind", record.kind},
            {"began", record.began},
            {"ended", record.ended},
            {"planned", record.planned},
            {"id", record.id},
            {"code", record.code},
            {"message", record.message},
            {"stored", record.stored},
            {"components", components},
            {"unreleased", record.unreleased},
            {"partial", record.partial}};
}

RunRecord to_record(const Json& json) {
    RunRecord record{.run = json.at("run").get<std::string>(),
                     .kind = json.at("kind").get<std::string>(),
                     .began = json.at("began").get<std::string>(),
                     .ended = json.at("ended").get<std::string>(),
                     .planned = json.at("planned").get<std::string>(),
                     .id = json.at("id").get<std::string>(),
                     .code = json.at("code").get<int>(),
                     .message = json.at("message").get<std::string>(),
                     .stored = json.at("stored").get<std::uint64_t>(),
                     .components = {},
                     .partial = json.value("partial", false),
                     .unreleased = json.at("unreleased").get<std::vector<std::string>>()};
    for (const auto& each : json.at("components"))
        record.components.push_back(to_component(each));
    return record;
}

} // namespace

RunRecords::RunRecords(std::filesystem::path folder) : folder_(std::move(folder)) {}

void RunRecords::keep(const RunRecord& record) {
    std::error_code trouble; // told by the next line, if it matters
    std::filesystem::create_directories(folder_.parent_path(), trouble);
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
        throw stream::write_error("create", folder_, errno);
    stream::replace_file(folder_ / (record.run + ".json"),
                         of(record).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::vector<RunRecord> RunRecords::all() const {
    std::vector<RunRecord> records;
    std::error_code trouble;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, trouble)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with('.') || !name.ends_with(".json"))
            continue;
        try {
            records.push_back(to_record(Json::parse(stream::read_file(entry.path(), longest))));
        } catch (const std::exception&) { // half a record tells nothing; the next run writes a whole one
        }
    }
    std::sort(records.begin(), records.end(), [](const RunRecord& one, const RunRecord& other) {
        return std::tie(one.began, one.run) < std::tie(other.began, other.run);
    });
    return records;
}

void RunRecords::trim(std::size_t most) {
    auto records = all();
    std::map<std::pair<std::string, bool>, std::size_t> kept;
    std::set<std::string> whole; // kinds
    const auto newest_whole = [&](const RunRecord& each) {
        return !each.partial && !each.ended.empty() && each.code == 0 && whole.insert(each.kind).second;
    };
    for (auto record = records.rbegin(); record != records.rend(); ++record)
        if (const bool stays = newest_whole(*record);
            ++kept[{record->kind, record->partial}] > most && !stays) {
            std::error_code trouble; // the next run tries again
            std::filesystem::remove(folder_ / (record->run + ".json"), trouble);
        }
}

} // namespace miraclemax::catalog
