#include "run/restore_record.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::run {
namespace {

using Json = nlohmann::json;

constexpr std::array names{"staging",   "swapping", "swapped",    "undoing", "undone",
                           "returning", "emptied",  "discarding", "making",  "strays"}; // as Step has them
constexpr off_t spare_size = off_t{64} << 10U; // many records, each for a moment beside the one it replaces
constexpr std::size_t longest = std::size_t{1} << 20U;

Step step_from(const std::string& word) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (word == names[i])
            return static_cast<Step>(i);
    throw Error(ExitCode::failed, "unknown step \"" + word + "\"");
}

Json of(const RestoredComponent& each) {
    return {{"component", each.component}, {"backup", each.backup},
            {"volume", each.volume},       {"volume_created_at", each.volume_created_at},
            {"path", each.path},           {"single", each.single},
            {"only", each.only},           {"step", names[static_cast<std::size_t>(each.step)]},
            {"acting", each.acting},       {"beside", each.beside},
            {"group", each.group},         {"safety", each.safety},
            {"halted_by", each.halted_by}, {"made", each.made},
            {"strays", each.strays},       {"strays_told", each.strays_told}};
}

RestoredComponent to(const Json& json) {
    return {.component = json.at("component").get<std::string>(),
            .backup = json.at("backup").get<std::string>(),
            .volume = json.at("volume").get<std::string>(),
            .volume_created_at = json.at("volume_created_at").get<std::string>(),
            .path = json.at("path").get<std::string>(),
            .single = json.at("single").get<bool>(),
            .only = json.at("only").get<std::string>(),
            .step = step_from(json.at("step").get<std::string>()),
            .acting = json.value("acting", ""),
            .beside = json.value("beside", false),
            .group = json.value("group", ""),
            .safety = json.value("safety", ""),
            .halted_by = json.value("halted_by", std::vector<std::string>{}),
            .made = json.value("made", false),
            .strays = json.value("strays", std::vector<std::string>{}),
            .strays_told = json.value("strays_told", false)};
}

// nullopt: it was removed meanwhile.
std::optional<RestoreRecord> read(const std::filesystem::path& path) {
    try {
        const auto json = Json::parse(stream::read_file(path, longest));
        RestoreRecord record{.run = json.at("run").get<std::string>(),
                             .at = json.at("at").get<std::string>(),
                             .components = {},
                             .began = json.value("began", std::int64_t{0}),
                             .no_podman = json.value("no_podman", false)};
        for (const auto& each : json.at("components"))
            record.components.push_back(to(each));
        return record;
    } catch (const std::exception& error) {
        std::error_code trouble;
        if (!std::filesystem::exists(path, trouble) && !trouble)
            return std::nullopt;
        return RestoreRecord{.run = path.stem().string(),
                             .at = {},
                             .components = {},
                             .trouble = "its record, " + path.string() + ", can't be read (" + error.what() +
                                        "): look into the components' folders for .miraclemax-" +
                                        path.stem().string() + ", put them in order, then remove that file"};
    }
}

bool moving(const RestoredComponent& each) {
    return each.step == Step::swapping || each.step == Step::undoing || each.step == Step::returning;
}

// Its swap has begun, and not come to this one yet.
bool half_swapped(const RestoreRecord& record, const RestoredComponent& staged) {
    return std::any_of(
        record.components.begin(), record.components.end(),
        [&](const RestoredComponent& each) { return each.step == Step::swapped && together(each, staged); });
}

} // namespace

std::vector<RestoreRecord> RestoreRecords::all() const {
    std::vector<std::filesystem::path> paths;
    std::error_code trouble;
    for (auto entry = std::filesystem::directory_iterator(folder_, trouble);
         !trouble && entry != std::filesystem::directory_iterator(); entry.increment(trouble))
        if (entry->path().extension() == ".json" && !entry->path().filename().string().starts_with('.'))
            paths.push_back(entry->path());
    if (trouble && trouble != std::errc::no_such_file_or_directory)
        throw Error(ExitCode::failed,
                    "can't read the folder of restores' records " + folder_.string() + ": " +
                        trouble.message(),
                    "it must be readable by the user that runs miraclemax");
    std::sort(paths.begin(), paths.end());
    std::vector<RestoreRecord> records;
    for (const auto& path : paths)
        if (auto record = read(path))
            records.push_back(std::move(*record));
    std::stable_sort(
        records.begin(), records.end(),
        [](const RestoreRecord& one, const RestoreRecord& other) { return one.began < other.began; });
    return records;
}

void RestoreRecords::make_folder() const {
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
        throw stream::write_error("create", folder_, errno);
}

stream::Descriptor RestoreRecords::lock(std::chrono::milliseconds patience) const {
    std::error_code trouble; // told by the next line
    std::filesystem::create_directories(folder_.parent_path(), trouble);
    make_folder();
    const auto path = folder_ / ".lock";
    stream::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file)
        throw stream::write_error("open", path, errno);
    for (auto waited = std::chrono::milliseconds(0);; waited += std::chrono::milliseconds(100)) {
        if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0)
            return file;
        if (waited >= patience)
            return {};
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

void RestoreRecords::keep(const RestoreRecord& record) {
    if (std::any_of(record.components.begin(), record.components.end(),
                    [](const auto& each) { return each.step == Step::staging; })) {
        make_folder();
        set_aside();
    }
    try {
        keep_now(record);
    } catch (const Error&) {
        if (::unlink(spare_.c_str()) != 0)
            throw;
        keep_now(record);
    }
}

// A nicety: where there is no room for it, the record itself tells.
void RestoreRecords::set_aside() const noexcept {
    const stream::Descriptor file(
        ::open(spare_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file && ::posix_fallocate(file.get(), 0, spare_size) != 0)
        ::unlink(spare_.c_str());
}

void RestoreRecords::keep_now(const RestoreRecord& record) const {
    const auto path = folder_ / (record.run + ".json");
    if (record.components.empty()) {
        std::error_code trouble;
        std::filesystem::remove(path, trouble);
        if (trouble)
            throw stream::write_error("remove", path, trouble.value());
        if (std::filesystem::exists(folder_, trouble))
            stream::sync_folder(folder_);
        return;
    }
    make_folder();
    auto components = Json::array();
    for (const auto& each : record.components)
        components.push_back(of(each));
    const Json json{{"run", record.run},
                    {"at", record.at},
                    {"began", record.began},
                    {"no_podman", record.no_podman},
                    {"components", components}};
    stream::replace_file(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

RestoredComponent& find(RestoreRecord& record, const std::string& component) {
    if (auto* entry = entry_of(record, component))
        return *entry;
    throw Error(ExitCode::failed, "the record of run " + record.run + " knows no component " + component);
}

RestoredComponent* entry_of(RestoreRecord& record, const std::string& component) {
    for (auto& each : record.components)
        if (each.component == component)
            return &each;
    return nullptr;
}

void advance(RestoreRecords& records, RestoreRecord& record, const std::string& component, Step step,
             const std::string& acting) {
    advance(records, record, std::vector{component}, step, acting);
}

void advance(RestoreRecords& records, RestoreRecord& record, const std::vector<std::string>& components,
             Step step, const std::string& acting) {
    auto next = record;
    for (const auto& component : components) {
        auto& each = find(next, component);
        each.step = step;
        each.acting = acting;
    }
    records.keep(next);
    record = std::move(next);
}

std::string actor(const RestoreRecord& record, const RestoredComponent& component) {
    return component.acting.empty() ? record.run : component.acting;
}

bool together(const RestoredComponent& one, const RestoredComponent& other) {
    return one.group.empty() ? one.component == other.component : one.group == other.group;
}

bool in_motion(const RestoredComponent& each) {
    return each.step == Step::staging || each.step == Step::making || moving(each);
}

std::string in_motion(const Settings& settings) {
    for (const auto& record : RestoreRecords(settings).all())
        for (const auto& each : record.components)
            if (in_motion(each))
                return each.component;
    return {};
}

bool any_cut_off(const RestoreRecord& record, const Alive& alive) {
    if (!record.trouble.empty())
        return !alive(record.run);
    return std::any_of(record.components.begin(), record.components.end(),
                       [&](const RestoredComponent& each) {
                           return (in_motion(each) || each.step == Step::emptied ||
                                   each.step == Step::discarding || untold(each)) &&
                                  !alive(actor(record, each));
                       });
}

std::vector<RestoreRecord> all_cut_off(const RestoreRecords& records, const Alive& alive) {
    auto all = records.all();
    std::erase_if(all, [&](const RestoreRecord& each) { return !any_cut_off(each, alive); });
    return all;
}

bool holds_up(const RestoreRecord& record, const RestoredComponent& each) {
    return moving(each) || each.step == Step::emptied ||
           (each.step == Step::staging && half_swapped(record, each));
}

bool untold(const RestoredComponent& each) {
    return !each.strays.empty() && !each.strays_told;
}

void forget(RestoreRecords& records, RestoreRecord& record, const std::string& component) {
    std::erase_if(record.components, [&](const auto& each) { return each.component == component; });
    records.keep(record);
}

} // namespace miraclemax::run
