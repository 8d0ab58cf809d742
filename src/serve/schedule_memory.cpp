#include "serve/schedule.hpp"

#include "error.hpp"

#include <cstdint>

#include <nlohmann/json.hpp>

namespace miraclemax::serve {
namespace {

using nlohmann::json;

Moment moment(const json& value) {
    // Beyond the year 9999 arithmetic could overflow.
    constexpr std::int64_t end = 253'402'300'800;
    const auto seconds = value.get<std::int64_t>();
    if (seconds < -end || seconds > end)
        throw Error(ExitCode::failed, "a time is out of range");
    return Moment(std::chrono::seconds(seconds));
}

ScheduleMemory::Done done_from(const json& object) {
    ScheduleMemory::Done done{.when = object.at("when").get<std::string>(), .spans = {}};
    for (const json& pair : object.at("done")) {
        const ScheduleMemory::Span span{.first = moment(pair.at(0)), .last = moment(pair.at(1))};
        if (span.last < span.first)
            throw Error(ExitCode::failed, "a span ends before it begins");
        done.spans.push_back(span);
    }
    if (const auto begun = object.find("begun"); begun != object.end())
        done.begun = {.planned = moment(begun->at(0)), .tries = begun->at(1).get<unsigned>()};
    return done;
}

} // namespace

std::string to_json(const ScheduleMemory& memory) {
    json jobs = json::object();
    for (const auto& [name, done] : memory.jobs) {
        json spans = json::array();
        for (const auto& span : done.spans)
            spans.push_back({span.first.time_since_epoch().count(), span.last.time_since_epoch().count()});
        jobs[name] = {{"when", done.when}, {"done", std::move(spans)}};
        if (done.begun)
            jobs[name]["begun"] = {done.begun->planned.time_since_epoch().count(), done.begun->tries};
    }
    return json{{"version", 1}, {"jobs", std::move(jobs)}}.dump(2, ' ', false,
                                                                json::error_handler_t::replace) +
           "\n";
}

ScheduleMemory parse_schedule_memory(const std::string& text) {
    try {
        const json whole = json::parse(text);
        if (whole.at("version") != 1)
            throw Error(ExitCode::failed, "it is of a later version");
        ScheduleMemory memory;
        for (const auto& [name, object] : whole.at("jobs").items())
            memory.jobs.emplace(name, done_from(object));
        return memory;
    } catch (const json::exception& error) {
        throw Error(ExitCode::failed, std::string("the schedule's memory is damaged: ") + error.what());
    } catch (const Error& error) {
        throw error.with("the schedule's memory is damaged");
    }
}

} // namespace miraclemax::serve
