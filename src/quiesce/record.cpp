#include "quiesce/record.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace miraclemax::quiesce {

using nlohmann::json;

namespace {

constexpr std::array<std::uint32_t, 256> crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t rest = byte;
        for (int bit = 0; bit < 8; ++bit)
            rest = (rest & 1U) != 0 ? 0xedb88320U ^ (rest >> 1U) : rest >> 1U;
        table[byte] = rest;
    }
    return table;
}

class Crc {
public:
    void add(char byte) {
        static constexpr auto table = crc_table();
        rest_ = table[(rest_ ^ static_cast<unsigned char>(byte)) & 0xffU] ^ (rest_ >> 8U);
    }
    [[nodiscard]] std::uint32_t value() const { return ~rest_; }

private:
    std::uint32_t rest_ = ~0U;
};

constexpr std::size_t digits = 8;

std::string line_of(const json& record) {
    const std::string text = record.dump(-1, ' ', true, json::error_handler_t::replace);
    Crc crc;
    for (const char byte : text)
        crc.add(byte);
    static constexpr std::string_view hex = "0123456789abcdef";
    std::string line;
    for (int shift = 28; shift >= 0; shift -= 4)
        line += hex[(crc.value() >> static_cast<unsigned>(shift)) & 15U];
    return line + " " + text + "\n";
}

std::optional<Act> act_from(const std::string& word) {
    for (const Act act : {Act::none, Act::pause, Act::stop})
        if (word == name_of(act))
            return act;
    return std::nullopt;
}

podman::State state_from(const std::string& word) {
    using podman::State;
    for (const State state : {State::created, State::initialized, State::running, State::paused,
                              State::stopping, State::stopped, State::exited, State::removing})
        if (word == podman::name_of(state))
            return state;
    return State::unknown;
}

// nullopt: the checksum is right, but it is not an intent that this version understands.
std::optional<Entry> entry_from(const json& record) {
    const auto act = act_from(record.value("act", ""));
    Entry entry{.id = record.value("id", ""),
                .name = record.value("name", ""),
                .unit = record.value("unit", ""),
                .before = state_from(record.value("before", "")),
                .started_at = record.value("started_at", ""),
                .after = record.value("after", std::vector<std::string>{}),
                .stop_timeout = std::chrono::seconds(record.value("stop_timeout", 10)),
                .hook_timeout = std::chrono::seconds(record.value("hook_timeout", 30)),
                .stage = record.value("stage", 0),
                .tried_pause = record.value("tried_pause", false)};
    if (!act || entry.id.empty())
        return std::nullopt;
    entry.act = *act;
    return entry;
}

void forget(std::vector<Entry>& open, const std::string& id) {
    std::erase_if(open, [&](const Entry& entry) { return entry.id == id; });
}

// False: not a record.
bool apply(std::string_view text, Reading& reading) {
    const json record = json::parse(text, nullptr, false);
    if (!record.is_object())
        return false;
    try {
        const auto kind = record.value("t", "");
        if (kind == "done")
            forget(reading.open, record.value("id", ""));
        if (kind != "intend")
            return true;
        auto entry = entry_from(record);
        if (!entry)
            return false;
        forget(reading.open, entry->id);
        reading.open.push_back(std::move(*entry));
        return true;
    } catch (const json::exception&) {
        return false;
    }
}

std::optional<std::uint32_t> checksum_at(std::string_view line, std::size_t at) {
    if (line.size() < at + digits + 2 || line[at + digits] != ' ' || line[at + digits + 1] != '{')
        return std::nullopt;
    std::uint32_t value = 0;
    const char* end = line.data() + at + digits;
    const auto [rest, error] = std::from_chars(line.data() + at, end, value, 16);
    if (error != std::errc{} || rest != end)
        return std::nullopt;
    return value;
}

// The length of the record that begins at `at`, applied; 0: there is none.
std::size_t take_record(std::string_view line, std::size_t at, Reading& reading) {
    const auto wanted = checksum_at(line, at);
    if (!wanted)
        return 0;
    Crc crc;
    for (std::size_t i = at + digits + 1; i < line.size(); ++i) {
        crc.add(line[i]);
        if (line[i] == '}' && crc.value() == *wanted &&
            apply(line.substr(at + digits + 1, i - at - digits), reading))
            return i + 1 - at;
    }
    return 0;
}

// How many bytes of the line belong to records: a damaged end of line makes one line of two.
std::size_t take_all(std::string_view line, Reading& reading) {
    std::size_t taken = 0;
    for (std::size_t at = 0; at < line.size();) {
        const auto length = take_record(line, at, reading);
        taken += length;
        at += std::max<std::size_t>(length, 1);
    }
    return taken;
}

} // namespace

std::string run_record(const std::string& run) {
    return line_of({{"t", "run"}, {"run", run}, {"v", 1}});
}

std::string intend_record(const Entry& entry) {
    return line_of({{"t", "intend"},
                    {"id", entry.id},
                    {"name", entry.name},
                    {"unit", entry.unit},
                    {"act", name_of(entry.act)},
                    {"before", podman::name_of(entry.before)},
                    {"started_at", entry.started_at},
                    {"after", entry.after},
                    {"stop_timeout", entry.stop_timeout.count()},
                    {"hook_timeout", entry.hook_timeout.count()},
                    {"stage", entry.stage},
                    {"tried_pause", entry.tried_pause}});
}

std::string done_record(const std::string& id) {
    return line_of({{"t", "done"}, {"id", id}});
}

Reading read_records(std::string_view content) {
    const auto last = content.find_last_not_of('\0');
    const auto data = content.substr(0, last == std::string_view::npos ? 0 : last + 1);
    Reading reading{.end = data.size()};
    for (std::size_t at = 0; at < data.size();) {
        const auto newline = data.find('\n', at);
        const bool finished = newline != std::string_view::npos;
        const auto line = data.substr(at, finished ? newline - at : std::string_view::npos);
        const auto taken = take_all(line, reading);
        if (!finished && taken == 0) { // torn: it was never durable
            reading.end = at;
            return reading;
        }
        reading.damaged = reading.damaged || taken != line.size();
        reading.inside_line = !finished;
        at += line.size() + 1;
    }
    return reading;
}

} // namespace miraclemax::quiesce
