#include "telemetry/waiting.hpp"

#include "error.hpp"
#include "stream/digest.hpp"
#include "stream/file.hpp"
#include "telemetry/escaping.hpp"
#include "telemetry/wording.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <span>

namespace miraclemax::telemetry {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t longest_file = std::size_t{16} << 20U;
constexpr const char* counts_name = "counts.json"; // no message's file begins with a letter

std::int64_t number(Time time) {
    return std::chrono::floor<milliseconds>(time.time_since_epoch()).count();
}

Time time_from(const json& value) {
    // Beyond the year 9999 arithmetic could overflow.
    constexpr std::int64_t end = 253'402'300'800'000;
    return Time(milliseconds(std::clamp(value.get<std::int64_t>(), -end, end)));
}

template<typename Choice> Choice choice(const json& value, std::initializer_list<Choice> choices) {
    const auto index = value.get<std::size_t>();
    if (index >= choices.size())
        throw Error(ExitCode::failed, "it holds a word of a later version");
    return *(choices.begin() + index);
}

json json_of(const Message& message) {
    return {{"occasion", static_cast<int>(message.occasion)},
            {"id", message.id},
            {"at", number(message.at)},
            {"subject", message.subject},
            {"text", message.text},
            {"component", message.component},
            {"alert", message.alert},
            {"severity", static_cast<int>(message.severity)},
            {"instance", message.instance},
            {"runbook_url", message.runbook_url},
            {"firing", message.firing},
            {"ended", message.ended}};
}

Message message_from(const json& object) {
    return {.occasion = choice(object.at("occasion"),
                               {Occasion::failure, Occasion::recovery, Occasion::success, Occasion::digest}),
            .id = object.at("id").get<std::string>(),
            .at = time_from(object.at("at")),
            .subject = object.at("subject").get<std::string>(),
            .text = object.at("text").get<std::string>(),
            .component = object.at("component").get<std::string>(),
            .alert = object.at("alert").get<std::string>(),
            .severity = choice(object.at("severity"), {Severity::critical, Severity::warning}),
            .instance = object.at("instance").get<std::string>(),
            .runbook_url = object.at("runbook_url").get<std::string>(),
            .firing = object.at("firing").get<std::vector<std::string>>(),
            .ended = object.at("ended").get<std::vector<std::string>>()};
}

json json_of(const Tries& tries) {
    json object{{"count", tries.count}};
    if (tries.first)
        object["first"] = number(*tries.first);
    if (tries.last)
        object["last"] = number(*tries.last);
    return object;
}

Tries tries_from(const json& object) {
    Tries tries{.count = object.at("count").get<unsigned>(), .first = {}, .last = {}};
    if (object.contains("first"))
        tries.first = time_from(object.at("first"));
    if (object.contains("last"))
        tries.last = time_from(object.at("last"));
    return tries;
}

json whole_from(const fs::path& file) {
    auto whole = json::parse(stream::read_file(file, longest_file));
    if (whole.at("version") != 1)
        throw Error(ExitCode::failed, "it is of a later version");
    return whole;
}

Waiting waiting_from(const fs::path& file) {
    const auto whole = whole_from(file);
    Waiting waiting{.file = file, .message = message_from(whole.at("message")), .channels = {}};
    for (const auto& [name, tries] : whole.at("channels").items())
        waiting.channels[name] = tries_from(tries);
    return waiting;
}

std::string dumped(const json& value) {
    return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void put_aside(const fs::path& file, const std::string& why, std::vector<std::string>* told) {
    if (told == nullptr)
        return;
    const fs::path aside = file.string() + ".damaged";
    std::error_code error;
    fs::rename(file, aside, error);
    told->push_back("notifications: " + one_line(file.string()) + " is damaged (" + one_line(why) + ")" +
                    (error ? "" : ", and was put aside as " + one_line(aside.filename().string())));
}

// Runs `read`; a file with the wrong content is put aside, one that can't be read now is only told.
template<typename Read> void attempt(const fs::path& file, std::vector<std::string>* told, const Read& read) {
    try {
        read();
    } catch (const json::exception& error) {
        put_aside(file, error.what(), told);
    } catch (const Error& error) {
        if (told != nullptr)
            told->push_back("notifications: " + one_line(file.string()) + ": " + one_line(error.what()));
    }
}

} // namespace

std::string file_name(const Message& message) {
    std::string time;
    const auto utc = utc_text(message.at);
    std::copy_if(utc.begin(), utc.end(), std::back_inserter(time),
                 [](char c) { return c != '-' && c != ':'; });
    std::string plain;
    for (const char c : message.id.substr(0, 80)) {
        const bool keeps = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '_' || c == '-';
        plain += keeps ? c : '_';
    }
    if (plain != message.id) {
        stream::Sha256 sha256;
        sha256.update(std::as_bytes(std::span(message.id.data(), message.id.size())));
        plain += "-" + sha256.hex().substr(0, 12);
    }
    return time + "-" + plain + ".json";
}

void save(const Waiting& waiting) {
    json channels = json::object();
    for (const auto& [name, tries] : waiting.channels)
        channels[name] = json_of(tries);
    stream::replace_file(
        waiting.file,
        dumped({{"version", 1}, {"message", json_of(waiting.message)}, {"channels", std::move(channels)}}));
}

void save(const fs::path& folder, const Counts& counts) {
    stream::replace_file(
        folder / counts_name,
        dumped({{"version", 1}, {"sent", counts.sent}, {"failed", counts.failed}, {"done", counts.done}}));
}

std::vector<Waiting> waiting_in(const fs::path& folder, std::vector<std::string>* told) {
    std::vector<Waiting> all;
    std::error_code error;
    for (fs::directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
        const auto name = each->path().filename().string();
        if (!name.ends_with(".json") || name.starts_with('.') || name == counts_name)
            continue;
        attempt(each->path(), told, [&] { all.push_back(waiting_from(each->path())); });
    }
    std::sort(all.begin(), all.end(), [](const Waiting& one, const Waiting& other) {
        return std::tie(one.message.at, one.file) < std::tie(other.message.at, other.file);
    });
    return all;
}

Counts counts_in(const fs::path& folder, std::vector<std::string>* told) {
    Counts counts;
    const auto file = folder / counts_name;
    std::error_code ignored;
    if (fs::exists(file, ignored))
        attempt(file, told, [&] {
            const auto whole = whole_from(file);
            counts = {.sent = whole.at("sent").get<std::uint64_t>(),
                      .failed = whole.at("failed").get<std::uint64_t>(),
                      .done = whole.at("done").get<std::vector<std::string>>()};
        });
    return counts;
}

void sweep(const fs::path& folder) {
    std::error_code error;
    for (fs::directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
        const auto name = each->path().filename().string();
        std::error_code ignored;
        const auto age = fs::file_time_type::clock::now() - fs::last_write_time(each->path(), ignored);
        if (name.starts_with('.') && name.find(".json.") != std::string::npos && age > std::chrono::hours(1))
            fs::remove(each->path(), ignored);
    }
}

} // namespace miraclemax::telemetry
