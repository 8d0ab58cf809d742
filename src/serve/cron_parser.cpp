#include "serve/cron.hpp"

#include "error.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace miraclemax::serve {
namespace {

constexpr std::array months{"jan", "feb", "mar", "apr", "may", "jun",
                            "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array weekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
    std::string_view name;
    unsigned first, last;
    const char* const* names = nullptr; // of first, first + 1 …
    unsigned named = 0;
};
constexpr std::array<Field, 5> fields{{{"minute", 0, 59},
                                       {"hour", 0, 23},
                                       {"day of the month", 1, 31},
                                       {"month", 1, 12, months.data(), months.size()},
                                       {"day of the week", 0, 7, weekdays.data(), weekdays.size()}}};

struct Shorthand {
    std::string_view name, meaning;
};
constexpr std::array<Shorthand, 7> shorthands{{{"@hourly", "0 * * * *"},
                                               {"@daily", "0 0 * * *"},
                                               {"@midnight", "0 0 * * *"},
                                               {"@weekly", "0 0 * * 0"},
                                               {"@monthly", "0 0 1 * *"},
                                               {"@yearly", "0 0 1 1 *"},
                                               {"@annually", "0 0 1 1 *"}}};

std::string lower(std::string_view text) {
    std::string all(text);
    for (char& letter : all)
        letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    return all;
}

// For a message: what the user wrote, on one line and not endless.
std::string shown(std::string_view text) {
    std::string all(text.substr(0, 80));
    for (char& letter : all)
        if (static_cast<unsigned char>(letter) < ' ' || letter == '\x7f')
            letter = '?';
    return all;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (std::size_t at = 0; (at = text.find_first_not_of(" \t", at)) != std::string_view::npos;) {
        const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

// One field's text.
class FieldReader {
public:
    FieldReader(const Field& field, std::string_view text) : field_(field), text_(text) {}

    std::bitset<64> read() const {
        std::bitset<64> set;
        for (std::size_t at = 0; at <= text_.size();) {
            const std::size_t end = std::min(text_.find(',', at), text_.size());
            add(text_.substr(at, end - at), set);
            at = end + 1;
        }
        return set;
    }

private:
    void add(std::string_view part, std::bitset<64>& set) const {
        const std::size_t slash = part.find('/');
        const std::string_view range = part.substr(0, slash);
        const std::size_t dash = range.find('-');
        unsigned first = field_.first, last = field_.last, step = 1;
        if (range != "*") {
            first = last = value(range.substr(0, dash));
            if (dash != std::string_view::npos)
                last = value(range.substr(dash + 1));
        } else if (field_.last == 7) {
            last = 6; // 7 is Sunday again, and no day of its own that a step could count
        }
        if (field_.last == 7 && dash != std::string_view::npos && last == 0 && first > 0)
            last = 7;
        if (first > last)
            refuse(fmt::format("the range {} runs backwards", shown(range)));
        if (slash != std::string_view::npos) {
            if (range != "*" && dash == std::string_view::npos)
                refuse(fmt::format("a step needs a range before it, as in {}-{}/…", first, field_.last));
            step = number(part.substr(slash + 1));
            if (step == 0 || step > field_.last - field_.first)
                refuse(fmt::format("a step of {} is not between 1 and {}", step, field_.last - field_.first));
        }
        for (unsigned value = first; value <= last; value += step)
            set.set(value);
    }

    unsigned value(std::string_view text) const {
        const std::string word = lower(text);
        for (unsigned index = 0; index < field_.named; ++index)
            if (word == field_.names[index])
                return field_.first + index;
        const unsigned found = number(text);
        if (found < field_.first || found > field_.last)
            refuse(fmt::format("{} is not between {} and {}", found, field_.first, field_.last));
        return found;
    }

    unsigned number(std::string_view text) const {
        unsigned found = 0;
        const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), found);
        if (error != std::errc{} || rest != text.data() + text.size() || text.size() > 4)
            refuse(text.empty() ? "a number is missing" : fmt::format("'{}' is no number", shown(text)));
        return found;
    }

    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(ExitCode::config, fmt::format("{} '{}': {}", field_.name, shown(text_), why));
    }

    const Field& field_;
    std::string_view text_;
};

std::string_view without_shorthand(std::string_view text) {
    const auto words = words_of(text);
    if (words.size() != 1 || words[0][0] != '@')
        return text;
    for (const Shorthand& shorthand : shorthands)
        if (lower(words[0]) == shorthand.name)
            return shorthand.meaning;
    throw Error(ExitCode::config, fmt::format("there is no '{}'", shown(words[0])),
                "write @hourly, @daily, @weekly, @monthly, @yearly or five fields");
}

} // namespace

struct CronParser {
    static Cron read(std::string_view text) {
        const auto words = words_of(without_shorthand(text));
        if (words.size() != fields.size())
            throw Error(
                ExitCode::config, fmt::format("it has {} fields, not five", words.size()),
                "write minute, hour, day of the month, month, day of the week: \"0 3 * * *\" is every "
                "night at 3");
        std::array<std::bitset<64>, 5> sets;
        for (std::size_t index = 0; index < fields.size(); ++index)
            sets[index] = FieldReader(fields[index], words[index]).read();
        Cron cron;
        cron.text_ = text;
        for (std::size_t value = 0; value < 60; ++value) {
            if (value < cron.hours_.size())
                cron.hours_[value] = sets[1][value];
            if (value < cron.days_.size())
                cron.days_[value] = sets[2][value];
            if (value < cron.months_.size())
                cron.months_[value] = sets[3][value];
            if (value < 8 && sets[4][value])
                cron.weekdays_.set(value % 7);
            cron.minutes_[value] = sets[0][value];
        }
        cron.either_day_ = words[2][0] != '*' && words[4][0] != '*';
        if (!cron.next_local(Cron::Local{}))
            throw Error(ExitCode::config, fmt::format("day of the month '{}' never comes in month '{}'",
                                                      shown(words[2]), shown(words[3])));
        return cron;
    }
};

Cron Cron::parse(std::string_view text) {
    try {
        return CronParser::read(text);
    } catch (const Error& error) {
        throw error.with(fmt::format("schedule \"{}\"", shown(text)));
    }
}

} // namespace miraclemax::serve
